#include "storage/opt_out_lists.h"

#include <algorithm>
#include <tuple>

#include "server/base/arn.h"
#include "server/base/filters.h"
#include "server/base/world.h"
#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/paging.h"
#include "server/handlers/render.h"
#include "server/rpc/method.h"
#include "storage/opted_out_numbers.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

// Stored and answered with `+` (behaviour 10).
std::string WithPlus(const std::string& number) { return number.starts_with('+') ? number : "+" + number; }

storage::OptOutListRef RefOf(const Call& call, const storage::OptOutList& list) {
  return {{list.account, call.scope().region}, list.list_id};
}

std::string ArnOf(const Call& call, const storage::OptOutList& list) {
  return OptOutListArn({list.account, call.scope().region}, list.name);
}

template <class Answer>
void Render(const Call& call, const storage::OptOutList& list, Answer& answer) {
  answer.set_opt_out_list_arn(ArnOf(call, list));
  answer.set_opt_out_list_name(list.name);
  SetTime(*answer.mutable_created_timestamp(), list.created);
}

template <class Answer>
void RenderEntry(const storage::OptedOutNumber& entry, Answer& answer) {
  answer.set_opted_out_number(entry.number);
  SetTime(*answer.mutable_opted_out_timestamp(), entry.opted_out);
  answer.set_end_user_opted_out(entry.by_end_user);
}

template <class Answer>
Answer RenderChange(const Call& call, const storage::OptOutList& list, const storage::OptedOutNumber& entry) {
  Answer answer;
  answer.set_opt_out_list_arn(ArnOf(call, list));
  answer.set_opt_out_list_name(list.name);
  RenderEntry(entry, answer);
  return answer;
}

// The lists named by the request; NotFound for the first that isn't there.
std::vector<storage::OptOutList> NamedLists(Call& call, const DescribeOptOutListsRequest& request,
                                            const std::optional<storage::OptOutListPosition>& after) {
  std::vector<storage::OptOutListName> names;
  for (const std::string& name_or_arn : request.opt_out_list_names()) {
    names.push_back(OptOutListNamedBy(call, name_or_arn));
  }
  const auto found = storage::FindOptOutLists(call.tx(), ViewerOf(call), names);
  RequireAllGranted(
      ResourceType::kOptOutList, names, found,
      [](const storage::NamedOptOutList& named, const storage::OptOutListName& name) {
        const storage::OptOutList& list = named.list;
        return list.account == name.account && (list.name == name.name || list.name == name.otherwise);
      },
      [&](int i) { return request.opt_out_list_names(i); });
  std::vector<storage::OptOutList> lists;
  for (const auto& [list, granted] : found) {
    const bool shown_before = after && std::tie(list.created, list.name, list.account) <=
                                           std::tie(after->created, after->name, after->account);
    if (!shown_before) lists.push_back(list);
  }
  return lists;
}

// What lets another account give a shared list to its pools and numbers: the operations that do so.
const std::vector<std::string>& ActionsOfUse() {
  static const std::vector<std::string> kActions = [] {
    std::vector<std::string> actions;
    for (const char* name : {"RequestPhoneNumber", "UpdatePhoneNumber", "UpdatePool"}) {
      actions.push_back(FindMethod(name)->policy.action());
    }
    return actions;
  }();
  return kActions;
}

// Conflict RESOURCE_DELETION_NOT_ALLOWED that tells the owner which accounts use the list, which is locked for
// deletion. A use that the list's policy no longer allows does not count: otherwise its user could keep the list for
// ever.
void RequireNotInUse(Call& call, const storage::OptOutList& list) {
  constexpr int kAccountsShown = 10;  // enough to begin with; they fit into a refusal (limits::kStatusMessage)
  const auto users = storage::FindOptOutListUsers(call.tx(), call.scope(), list.name, ActionsOfUse(), kAccountsShown);
  if (users.accounts.empty()) return;
  std::string advice = "Pools or phone numbers use it; give them another list first.";
  if (users.accounts != std::vector{call.scope().account}) {
    std::string accounts;
    for (const std::string& account : users.accounts) accounts += (accounts.empty() ? "" : ", ") + account;
    const auto more = users.count - static_cast<std::int64_t>(users.accounts.size());
    if (more > 0) accounts += " and " + std::to_string(more) + " more";
    advice =
        "Pools or phone numbers of these accounts use it: " + accounts +
        ". Give yours another list first. To end the use of another account, take it out of the list's policy, then "
        "delete the list again.";
  }
  throw Error::Conflict(reason::kResourceDeletionNotAllowed, ResourceType::kOptOutList, list.name, std::move(advice));
}

// What the request wants of which list.
storage::OptedOutNumberListing ListingOf(const Call& call, const DescribeOptedOutNumbersRequest& request,
                                         const Page& page) {
  const auto [account, name, otherwise] = OptOutListNamedBy(call, request.opt_out_list_name());
  std::vector<std::string> numbers;
  for (const std::string& number : request.opted_out_numbers()) numbers.push_back(WithPlus(number));
  return {.viewer = ViewerOf(call),
          .owner = {account, call.scope().region},
          .list = name,
          .conditions = ConditionsFrom(request.filters()),
          .named = std::move(numbers),
          .after = page.after.empty() ? "" : page.after.at(0),
          .limit = page.limit + 1,
          .otherwise = otherwise};
}

// Of the numbers that were found those that the page shows; NotFound for the first that is named and isn't on the list.
std::vector<storage::OptedOutNumber> ShownOf(const storage::OptedOutNumberListing& listing,
                                             const std::vector<storage::NamedOptedOutNumber>& found) {
  RequireAllFound(
      ResourceType::kOptedOutNumber, listing.named, found,
      [](const storage::NamedOptedOutNumber& named, const std::string& number) { return named.entry.number == number; },
      [&](int i) { return listing.named[static_cast<std::size_t>(i)]; });
  std::vector<storage::OptedOutNumber> entries;
  for (const auto& [entry, meets_conditions] : found) {
    if (meets_conditions && entry.number > listing.after) entries.push_back(entry);
  }
  return entries;
}

}  // namespace

CreateOptOutListResponse CreateOptOutList(Call& call, const CreateOptOutListRequest& request) {
  storage::OptOutList list;
  list.account = call.scope().account;
  list.name = request.opt_out_list_name();
  list.created = call.world().Now();
  if (!storage::InsertOptOutList(call.tx(), call.scope(), list)) {
    throw Error::Conflict(reason::kResourceAlreadyExists, ResourceType::kOptOutList, list.name);
  }
  RequireRoomForTags(call, request.tags_size());
  storage::PutTags(call.tx(), call.scope(), {"opt-out-list", list.name}, TagsFrom(request.tags()));
  RequireRoomInAccount(call, storage::Counter::kOptOutLists);

  CreateOptOutListResponse response;
  Render(call, list, response);
  *response.mutable_tags() = request.tags();
  return response;
}

void DescribeOptOutLists(Call& call, const DescribeOptOutListsRequest& request, DescribeOptOutListsResponse& response) {
  const Page page = RequirePage(call);
  std::optional<storage::OptOutListPosition> after;
  if (!page.after.empty()) after = {TimeFromPart(page.after.at(0)), page.after.at(1), page.after.at(2)};
  auto lists = request.opt_out_list_names().empty()
                   ? storage::ListOptOutLists(call.tx(), ViewerOf(call, request), after, page.limit + 1)
                   : NamedLists(call, request, after);
  RenderPage(
      call, page, std::move(lists), response,
      [](const storage::OptOutList& list) {
        return std::vector{PositionPart(list.created), list.name, list.account};
      },
      [&](const storage::OptOutList& list) { Render(call, list, *response.add_opt_out_lists()); });
}

DeleteOptOutListResponse DeleteOptOutList(Call& call, const DeleteOptOutListRequest& request) {
  const auto named = RequireOptOutListName(call, request.opt_out_list_name(), AccessLevel::kOwner);
  // Pools and numbers are locked before lists, as everywhere. Those that take the list between these statements are
  // locked behind it, when they are changed: should that close a circle, PostgreSQL ends it and the call runs again.
  storage::LockWithdrawnUses(call.tx(), call.scope(), named.name, ActionsOfUse());
  // Whoever puts the list to use locks it as well, and so does whoever changes its policy: from here on it comes into
  // no use, and what is withdrawn stays withdrawn.
  const auto list = storage::LockOptOutList(call.tx(), call.scope(), named.name, storage::OptOutListLock::kForDeletion,
                                            named.otherwise);
  if (!list) throw Error::NotFound(ResourceType::kOptOutList, request.opt_out_list_name());
  if (list->name == storage::kDefaultOptOutList) {
    throw Error::Conflict(reason::kResourceModificationNotAllowed, ResourceType::kOptOutList, list->name,
                          "Every account keeps its list Default.");
  }
  RequireNotInUse(call, *list);
  storage::DeleteOptOutList(call.tx(), call.scope(), *list);
  storage::UncountOne(call.tx(), call.scope(), storage::Counter::kOptOutLists);

  DeleteOptOutListResponse response;
  Render(call, *list, response);
  return response;
}

PutOptedOutNumberResponse PutOptedOutNumber(Call& call, const PutOptedOutNumberRequest& request) {
  const storage::OptOutList list = RequireOptOutListAccess(call, request.opt_out_list_name());
  const storage::OptedOutNumber entry = storage::PutOptedOutNumber(
      call.tx(), RefOf(call, list), {WithPlus(request.opted_out_number()), call.world().Now(), /*by_end_user=*/false});
  return RenderChange<PutOptedOutNumberResponse>(call, list, entry);
}

void DescribeOptedOutNumbers(Call& call, const DescribeOptedOutNumbersRequest& request,
                             DescribeOptedOutNumbersResponse& response) {
  const Page page = RequirePage(call);
  const storage::OptedOutNumberListing listing = ListingOf(call, request, page);
  const auto found = storage::ReadOptedOutNumbers(call.tx(), listing);
  RequireGranted(found.granted, ResourceType::kOptOutList, request.opt_out_list_name());
  auto entries = ShownOf(listing, found.items);
  response.set_opt_out_list_arn(OptOutListArn(listing.owner, *found.name));
  response.set_opt_out_list_name(*found.name);
  RenderPage(
      call, page, std::move(entries), response,
      [](const storage::OptedOutNumber& entry) { return std::vector{entry.number}; },
      [&](const storage::OptedOutNumber& entry) { RenderEntry(entry, *response.add_opted_out_numbers()); });
}

DeleteOptedOutNumberResponse DeleteOptedOutNumber(Call& call, const DeleteOptedOutNumberRequest& request) {
  const storage::OptOutList list = RequireOptOutListAccess(call, request.opt_out_list_name());
  const storage::OptOutListRef ref = RefOf(call, list);
  const std::string number = WithPlus(request.opted_out_number());
  const storage::Time now = call.world().Now();
  // Deleting first locks the entry, so that of two calls at once the second finds nothing.
  const auto entry = storage::DeleteOptedOutNumber(call.tx(), ref, number);
  if (!entry) throw Error::NotFound(ResourceType::kOptedOutNumber, number);
  const auto last = storage::LastOptIn(call.tx(), ref, number);
  if (last && now - *last < limits::kOptInPause) {
    throw Error::Invalid(reason::kPhoneNumberCannotBeOptedIn, "optedOutNumber",
                         "was taken off this list less than 30 days ago");
  }
  storage::RecordOptIn(call.tx(), ref, number, now);
  return RenderChange<DeleteOptedOutNumberResponse>(call, list, *entry);
}

}  // namespace poold
