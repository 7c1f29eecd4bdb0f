#include "server/handlers/beyond.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "server/base/arn.h"
#include "server/rpc/method.h"
#include "server/rpc/rights.h"
#include "storage/pool_members.h"

namespace poold {
namespace {

using Changes = Beyond::Changes;
using Shows = Beyond::Shows;

constexpr Beyond kBeyond[] = {
    {"CreatePool"},
    {"DescribePools"},
    {"UpdatePool", Changes::kNumbersInPool},
    {"DeletePool", Changes::kMembersOfPool},
    {"AssociateOriginationIdentity"},
    {"DisassociateOriginationIdentity"},
    {"ListPoolOriginationIdentities", Changes::kNothing, Shows::kMembersOfPool},
    {"BatchAssociateOriginationIdentities", Changes::kNothing, Shows::kMembersOfPool},
    {"BatchDisassociateOriginationIdentities", Changes::kNothing, Shows::kMembersOfPool},
    {"ReplaceOriginationIdentities", Changes::kMembersOfPool},  // those that stay are named
    {"ListPoolsForOriginationIdentity", Changes::kNothing, Shows::kPoolsOfIdentity},
    {"RequestPhoneNumber"},
    {"DescribePhoneNumbers"},
    {"UpdatePhoneNumber"},
    {"ReleasePhoneNumber"},
    {"RequestSenderId"},
    {"DescribeSenderIds"},
    {"UpdateSenderId"},
    {"ReleaseSenderId"},
    {"PutKeyword", Changes::kNumbersInPool},
    {"DescribeKeywords"},  // a pool's, of a number in it: they are the number's while it is there
    {"DeleteKeyword", Changes::kNumbersInPool},
    {"TagResource"},
    {"UntagResource"},
    {"ListTagsForResource"},
    {"CreateOptOutList"},
    {"DescribeOptOutLists"},
    // It takes the list from pools and numbers of accounts whose use the owner has withdrawn: that is the owner's
    // right.
    {"DeleteOptOutList"},
    {"PutOptedOutNumber"},
    {"DescribeOptedOutNumbers"},
    {"DeleteOptedOutNumber"},
    {"PutResourcePolicy"},
    {"GetResourcePolicy"},
    {"DeleteResourcePolicy"},
    // These name nothing, so that they are for callers who may reach everything.
    {"DescribeAccountLimits"},
    {"DescribeAccountAttributes"},
    {"ResetAccount"},
    {"SeedAccount"},
};

// A pattern of ARNs as LIKE has it. The ARNs of pools, numbers, sender IDs and lists have five colons, and a pattern
// has as many or more, so that a star cannot stand for one of them here either.
std::string LikeOf(std::string_view pattern) {
  std::string like;
  for (const char c : pattern) {
    if (c == '*') {
      like += '%';
    } else if (c == '?') {
      like += '_';
    } else {
      if (c == '%' || c == '_' || c == '\\') like += '\\';
      like += c;
    }
  }
  return like;
}

}  // namespace

std::span<const Beyond> BeyondOfMethods() { return kBeyond; }

std::optional<storage::Reach> ReachOf(const Call& call) {
  const Rights* rights = call.rights();
  if (rights == nullptr || rights->ReachEverything()) return std::nullopt;
  const std::string& region = call.scope().region;
  storage::Reach reach{"arn:" + std::string(PartitionOf(region)) + ":sms-voice:" + region + ":", {}};
  for (const std::string& pattern : rights->resources) reach.patterns.push_back(LikeOf(pattern));
  return reach;
}

void RequireReach(const Call& call, std::string_view pool_id) {
  const auto reach = ReachOf(call);
  if (!reach) return;
  const auto* beyond = std::ranges::find(kBeyond, call.method().name, &Beyond::method);
  const Changes changes = beyond == std::end(kBeyond) ? Changes::kMembersOfPool : beyond->changes;
  if (changes == Changes::kNothing) return;
  const bool numbers_only = changes == Changes::kNumbersInPool;
  if (!storage::HasMemberBeyond(call.tx(), call.scope(), pool_id, *reach, numbers_only)) return;
  throw Error::AccessDenied("This caller is not authorized to perform " + call.method().policy.action() +
                            (numbers_only ? " on all phone numbers in this pool" : " on all that is in this pool") +
                            ", which the call would change");
}

}  // namespace poold
