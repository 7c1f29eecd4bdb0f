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
  const storage::Resource resource = RequireResource(call, request.resource_arn()).resource;
  const auto before = storage::CountTags(call.tx(), call.scope(), resource);
  storage::PutTags(call.tx(), call.scope(), resource, TagsFrom(request.tags()));
  const auto after = storage::CountTags(call.tx(), call.scope(), resource);
  if (after > before) RequireRoomForTags(call, after);  // a resource that is full can still change its values
  return {};
}

UntagResourceResponse UntagResource(Call& call, const UntagResourceRequest& request) {
  const storage::Resource resource = RequireResource(call, request.resource_arn()).resource;
  storage::DeleteTags(call.tx(), call.scope(), resource, {request.tag_keys().begin(), request.tag_keys().end()});
  return {};
}

void ListTagsForResource(Call& call, const ListTagsForResourceRequest& request, ListTagsForResourceResponse& response) {
  const OwnedResource named = ResourceNamedBy(call, request.resource_arn());
  const auto tags = storage::ListTags(call.tx(), ViewerOf(call), named.owner, named.resource);
  RequireGranted(tags.granted, named.type, request.resource_arn());
  response.set_resource_arn(ArnOf(named, *tags.name));
  for (const auto& [key, value] : tags.items) {
    auto& tag = *response.add_tags();
    tag.set_key(key);
    tag.set_value(value);
  }
}

}  // namespace poold
