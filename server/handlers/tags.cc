#include "storage/tags.h"

#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/render.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

}  // namespace

TagResourceResponse TagResource(Call& call, const TagResourceRequest& request) {
  // The resource's lock makes the count exact.
  const auto [owner, resource, arn] =
      RequireResource(call, request.resource_arn(), AccessLevel::kOwner, Locking::kLock);
  const auto before = CountTags(call.tx(), owner, resource);
  PutTags(call.tx(), owner, resource, TagsFrom(request.tags()));
  const auto after = CountTags(call.tx(), owner, resource);
  if (after > before) RequireRoomForTags(call, after);  // a resource that is full can still change its values
  return {};
}

UntagResourceResponse UntagResource(Call& call, const UntagResourceRequest& request) {
  const auto [owner, resource, arn] =
      RequireResource(call, request.resource_arn(), AccessLevel::kOwner, Locking::kLock);
  DeleteTags(call.tx(), owner, resource, {request.tag_keys().begin(), request.tag_keys().end()});
  return {};
}

void ListTagsForResource(Call& call, const ListTagsForResourceRequest& request, ListTagsForResourceResponse& response) {
  const auto [owner, resource, arn] =
      RequireResource(call, request.resource_arn(), AccessLevel::kGranted, Locking::kNoLock);
  response.set_resource_arn(arn);
  for (const auto& [key, value] : ListTags(call.tx(), owner, resource)) {
    auto& tag = *response.add_tags();
    tag.set_key(key);
    tag.set_value(value);
  }
}

}  // namespace poold
