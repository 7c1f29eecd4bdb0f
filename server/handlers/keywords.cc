#include "server/handlers/keywords.h"

#include <algorithm>

#include "server/arn.h"
#include "server/aws_names.h"
#include "server/filters.h"
#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/paging.h"
#include "server/text.h"
#include "storage/account_quotas.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

ResourceType TypeOf(const std::string& id_or_arn) {
  if (const auto arn = ParseArn(id_or_arn)) return ResourceTypeFrom(arn->type).value_or(ResourceType::kNone);
  return IsPoolId(id_or_arn) ? ResourceType::kPool : ResourceType::kPhoneNumber;
}

// Whose keywords a request is about: as the answer names it, and where they are kept.
struct Subject {
  ResourceType type;
  OwnedId id;
  KeywordOwner keywords;
  std::optional<Pool> pool = std::nullopt;  // if it is one and the keywords are to be changed
};

std::string ArnOf(const Subject& subject) {
  return subject.type == ResourceType::kPool ? PoolArn(subject.keywords.scope, subject.id.id)
                                             : PhoneNumberArn(subject.keywords.scope, subject.id.id);
}

// To change keywords: locked and ACTIVE, and a number must be in no pool.
Subject RequireChangeable(Call& call, const std::string& id_or_arn) {
  const ResourceType type = TypeOf(id_or_arn);
  if (type == ResourceType::kPool) {
    Pool pool = RequireActivePool(call, id_or_arn);
    return {type, {pool.account, pool.id}, {KeywordOwner::Kind::kPool, call.scope(), pool.id}, pool};
  }
  const PhoneNumber number = RequireActivePhoneNumber(call, id_or_arn);
  RequireInNoPool(number);
  return {type, {number.account, number.id}, {KeywordOwner::Kind::kPhoneNumber, call.scope(), number.id}};
}

// Raises the revision of the pool whose keywords were changed.
void Touch(Call& call, Subject& subject) {
  if (subject.pool) TouchPool(call.tx(), call.scope(), *subject.pool);
}

// To read them: of a number in a pool, the pool's.
Subject RequireReadable(Call& call, const std::string& id_or_arn) {
  const ResourceType type = TypeOf(id_or_arn);
  const OwnedId owned = RequireAccess(call, type, id_or_arn, AccessLevel::kGranted);
  const Scope owner{owned.account, call.scope().region};
  if (type == ResourceType::kPool) {
    if (!FindPool(call.tx(), owner, owned.id)) throw Error::NotFound(type, id_or_arn);
    return {type, owned, {KeywordOwner::Kind::kPool, owner, owned.id}};
  }
  const auto number = FindPhoneNumber(call.tx(), owner, {PhoneNumberName::Kind::kId, owned.id});
  if (!number) throw Error::NotFound(type, id_or_arn);
  if (number->pool_id) return {type, owned, {KeywordOwner::Kind::kPool, owner, *number->pool_id}};
  return {type, owned, {KeywordOwner::Kind::kPhoneNumber, owner, owned.id}};
}

// HELP and STOP stay, and do what they do (behaviour 4.7).
bool IsFixed(std::string_view keyword) { return keyword == "HELP" || keyword == "STOP"; }

void RequireRoomForKeyword(Call& call, const KeywordOwner& owner) {
  const std::string_view quota =
      owner.kind == KeywordOwner::Kind::kPool ? reason::kKeywordsPerPool : reason::kKeywordsPerPhoneNumber;
  const auto limit = FindAccountQuota(call.tx(), call.scope(), quota).value_or(call.settings().quotas.keywords);
  if (CountKeywords(call.tx(), owner) >= limit) throw Error::Quota(quota, limit);
}

template <class Answer>
void Render(const Subject& subject, const Keyword& keyword, Answer& answer) {
  answer.set_origination_identity_arn(ArnOf(subject));
  answer.set_origination_identity(subject.id.id);
  answer.set_keyword(keyword.keyword);
  answer.set_keyword_message(keyword.message);
  answer.set_keyword_action(FromAwsName<KeywordAction>(keyword.action));
}

// The keywords named by the request that pass its filters; NotFound for the first that isn't there.
std::vector<Keyword> NamedKeywords(Call& call, const Subject& subject, const DescribeKeywordsRequest& request,
                                   const std::string& after) {
  std::vector<std::string> names;
  for (const std::string& keyword : request.keywords()) names.push_back(UpperCase(keyword));
  const auto found = FindKeywords(call.tx(), subject.keywords, names, ConditionsFrom(request.filters()));
  RequireAllFound(
      ResourceType::kKeyword, names, found,
      [](const NamedKeyword& named, const std::string& name) { return named.keyword.keyword == name; },
      [&](int i) { return names[static_cast<std::size_t>(i)]; });
  std::vector<Keyword> keywords;
  for (const auto& [keyword, meets_conditions] : found) {
    if (meets_conditions && keyword.keyword > after) keywords.push_back(keyword);
  }
  return keywords;
}

}  // namespace

PutKeywordResponse PutKeyword(Call& call, const PutKeywordRequest& request) {
  Subject subject = RequireChangeable(call, request.origination_identity());
  Keyword keyword{UpperCase(request.keyword()), request.keyword_message(),
                  std::string(AwsName(request.keyword_action()))};
  const auto present = FindKeyword(call.tx(), subject.keywords, keyword.keyword);
  if (keyword.action.empty()) keyword.action = present ? present->action : "AUTOMATIC_RESPONSE";
  if (present && IsFixed(keyword.keyword) && keyword.action != present->action) {
    throw Error::Conflict(reason::kResourceModificationNotAllowed, ResourceType::kKeyword, keyword.keyword,
                          "Its message can be changed, its action cannot.");
  }
  if (!present) RequireRoomForKeyword(call, subject.keywords);
  if (present != keyword) {
    PutKeyword(call.tx(), subject.keywords, keyword);
    Touch(call, subject);
  }

  PutKeywordResponse response;
  Render(subject, keyword, response);
  return response;
}

void DescribeKeywords(Call& call, const DescribeKeywordsRequest& request, DescribeKeywordsResponse& response) {
  const Page page = RequirePage(call);
  const Subject subject = RequireReadable(call, request.origination_identity());
  const std::string after = page.after.empty() ? "" : page.after.at(0);
  auto keywords = request.keywords().empty() ? ListKeywords(call.tx(), subject.keywords,
                                                            ConditionsFrom(request.filters()), after, page.limit + 1)
                                             : NamedKeywords(call, subject, request, after);
  response.set_origination_identity_arn(ArnOf(subject));
  response.set_origination_identity(subject.id.id);
  RenderPage(
      call, page, std::move(keywords), response, [](const Keyword& keyword) { return std::vector{keyword.keyword}; },
      [&](const Keyword& keyword) {
        auto& item = *response.add_keywords();
        item.set_keyword(keyword.keyword);
        item.set_keyword_message(keyword.message);
        item.set_keyword_action(FromAwsName<KeywordAction>(keyword.action));
      });
}

DeleteKeywordResponse DeleteKeyword(Call& call, const DeleteKeywordRequest& request) {
  Subject subject = RequireChangeable(call, request.origination_identity());
  const std::string name = UpperCase(request.keyword());
  const auto keyword = FindKeyword(call.tx(), subject.keywords, name);
  if (!keyword) throw Error::NotFound(ResourceType::kKeyword, name);
  if (IsFixed(name)) {
    throw Error::Conflict(reason::kResourceDeletionNotAllowed, ResourceType::kKeyword, name,
                          "Every number and pool keeps HELP and STOP.");
  }
  DeleteKeyword(call.tx(), subject.keywords, name);
  Touch(call, subject);

  DeleteKeywordResponse response;
  Render(subject, *keyword, response);
  return response;
}

}  // namespace poold
