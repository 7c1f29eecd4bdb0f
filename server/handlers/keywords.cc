#include "server/handlers/keywords.h"

#include <algorithm>

#include "server/base/arn.h"
#include "server/base/aws_names.h"
#include "server/base/filters.h"
#include "server/base/text.h"
#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/paging.h"
#include "storage/account_quotas.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

ResourceType TypeOf(const std::string& id_or_arn) {
  if (const auto arn = ParseArn(id_or_arn)) return ResourceTypeFrom(arn->type).value_or(ResourceType::kNone);
  return IsPoolId(id_or_arn) ? ResourceType::kPool : ResourceType::kPhoneNumber;
}

std::string ArnOf(const storage::KeywordOwner& owner) {
  return owner.kind == storage::KeywordOwner::Kind::kPool ? PoolArn(owner.scope, owner.id)
                                                          : PhoneNumberArn(owner.scope, owner.id);
}

// Whose keywords are to be changed.
struct Subject {
  storage::KeywordOwner keywords;
  std::optional<storage::Pool> pool = std::nullopt;  // if it is one
};

// Locked and ACTIVE, and a number must be in no pool.
Subject RequireChangeable(Call& call, const std::string& id_or_arn) {
  if (TypeOf(id_or_arn) == ResourceType::kPool) {
    storage::Pool pool = RequireActivePool(call, id_or_arn);
    return {{storage::KeywordOwner::Kind::kPool, call.scope(), pool.id}, pool};
  }
  const storage::PhoneNumber number = RequireActivePhoneNumber(call, id_or_arn);
  RequireInNoPool(number);
  return {{storage::KeywordOwner::Kind::kPhoneNumber, call.scope(), number.id}};
}

// Raises the revision of the pool whose keywords were changed.
void Touch(Call& call, Subject& subject) {
  if (subject.pool) storage::TouchPool(call.tx(), call.scope(), *subject.pool);
}

// HELP and STOP stay, and do what they do (behaviour 4.7).
bool IsFixed(std::string_view keyword) { return keyword == "HELP" || keyword == "STOP"; }

void RequireRoomForKeyword(Call& call, const storage::KeywordOwner& owner) {
  const std::string_view quota =
      owner.kind == storage::KeywordOwner::Kind::kPool ? reason::kKeywordsPerPool : reason::kKeywordsPerPhoneNumber;
  const auto limit =
      storage::FindAccountQuota(call.tx(), call.scope(), quota).value_or(call.settings().quotas.keywords);
  if (storage::CountKeywords(call.tx(), owner) >= limit) throw Error::Quota(quota, limit);
}

template <class Answer>
void Render(const storage::KeywordOwner& owner, const storage::Keyword& keyword, Answer& answer) {
  answer.set_origination_identity_arn(ArnOf(owner));
  answer.set_origination_identity(owner.id);
  answer.set_keyword(keyword.keyword);
  answer.set_keyword_message(keyword.message);
  answer.set_keyword_action(FromAwsName<KeywordAction>(keyword.action));
}

// What the request wants of whose keywords.
storage::KeywordListing ListingOf(const Call& call, const DescribeKeywordsRequest& request, const Page& page) {
  const ResourceType type = TypeOf(request.origination_identity());
  const storage::OwnedId owned = IdNamedBy(call, type, request.origination_identity());
  const auto kind =
      type == ResourceType::kPool ? storage::KeywordOwner::Kind::kPool : storage::KeywordOwner::Kind::kPhoneNumber;
  std::vector<std::string> names;
  for (const std::string& keyword : request.keywords()) names.push_back(UpperCase(keyword));
  return {.viewer = ViewerOf(call),
          .owner = {kind, {owned.account, call.scope().region}, owned.id},
          .conditions = ConditionsFrom(request.filters()),
          .named = std::move(names),
          .after = page.after.empty() ? "" : page.after.at(0),
          .limit = page.limit + 1};
}

// Of the keywords that were found those that the page shows; NotFound for the first that is named and isn't there.
std::vector<storage::Keyword> ShownOf(const storage::KeywordListing& listing,
                                      const std::vector<storage::NamedKeyword>& found) {
  RequireAllFound(
      ResourceType::kKeyword, listing.named, found,
      [](const storage::NamedKeyword& named, const std::string& name) { return named.keyword.keyword == name; },
      [&](int i) { return listing.named[static_cast<std::size_t>(i)]; });
  std::vector<storage::Keyword> keywords;
  for (const auto& [keyword, meets_conditions] : found) {
    if (meets_conditions && keyword.keyword > listing.after) keywords.push_back(keyword);
  }
  return keywords;
}

}  // namespace

PutKeywordResponse PutKeyword(Call& call, const PutKeywordRequest& request) {
  Subject subject = RequireChangeable(call, request.origination_identity());
  storage::Keyword keyword{UpperCase(request.keyword()), request.keyword_message(),
                           std::string(AwsName(request.keyword_action()))};
  const auto present = storage::FindKeyword(call.tx(), subject.keywords, keyword.keyword);
  if (keyword.action.empty()) keyword.action = present ? present->action : "AUTOMATIC_RESPONSE";
  if (present && IsFixed(keyword.keyword) && keyword.action != present->action) {
    throw Error::Conflict(reason::kResourceModificationNotAllowed, ResourceType::kKeyword, keyword.keyword,
                          "Its message can be changed, its action cannot.");
  }
  if (!present) RequireRoomForKeyword(call, subject.keywords);
  if (present != keyword) {
    storage::PutKeyword(call.tx(), subject.keywords, keyword);
    Touch(call, subject);
  }

  PutKeywordResponse response;
  Render(subject.keywords, keyword, response);
  return response;
}

void DescribeKeywords(Call& call, const DescribeKeywordsRequest& request, DescribeKeywordsResponse& response) {
  const Page page = RequirePage(call);
  const storage::KeywordListing listing = ListingOf(call, request, page);
  const auto found = storage::ReadKeywords(call.tx(), listing);
  RequireGranted(found.granted, TypeOf(request.origination_identity()), request.origination_identity());
  auto keywords = ShownOf(listing, found.items);
  response.set_origination_identity_arn(ArnOf(listing.owner));
  response.set_origination_identity(listing.owner.id);
  RenderPage(
      call, page, std::move(keywords), response,
      [](const storage::Keyword& keyword) { return std::vector{keyword.keyword}; },
      [&](const storage::Keyword& keyword) {
        auto& item = *response.add_keywords();
        item.set_keyword(keyword.keyword);
        item.set_keyword_message(keyword.message);
        item.set_keyword_action(FromAwsName<KeywordAction>(keyword.action));
      });
}

DeleteKeywordResponse DeleteKeyword(Call& call, const DeleteKeywordRequest& request) {
  Subject subject = RequireChangeable(call, request.origination_identity());
  const std::string name = UpperCase(request.keyword());
  const auto keyword = storage::FindKeyword(call.tx(), subject.keywords, name);
  if (!keyword) throw Error::NotFound(ResourceType::kKeyword, name);
  if (IsFixed(name)) {
    throw Error::Conflict(reason::kResourceDeletionNotAllowed, ResourceType::kKeyword, name,
                          "Every number and pool keeps HELP and STOP.");
  }
  storage::DeleteKeyword(call.tx(), subject.keywords, name);
  Touch(call, subject);

  DeleteKeywordResponse response;
  Render(subject.keywords, *keyword, response);
  return response;
}

}  // namespace poold
