#pragma once

// Every operation of the API, in its order. Each is described at its rpc in proto/smsvoice/v2/. A handler runs inside
// Transact, on a worker's thread: it reads and writes through call.tx(), returns the response (or fills it, empty, if
// that may be long) or throws Error, and may be run again from the top; it has no other effect.

#include "server/rpc/call.h"
#include "server/rpc/together.h"
#include "smsvoice/v2/account.pb.h"
#include "smsvoice/v2/dev.pb.h"
#include "smsvoice/v2/keywords.pb.h"
#include "smsvoice/v2/opt_out_lists.pb.h"
#include "smsvoice/v2/phone_numbers.pb.h"
#include "smsvoice/v2/pools.pb.h"
#include "smsvoice/v2/resource_policies.pb.h"
#include "smsvoice/v2/sender_ids.pb.h"
#include "smsvoice/v2/tags.pb.h"

namespace poold {

smsvoice::v2::CreatePoolResponse CreatePool(Call& call, const smsvoice::v2::CreatePoolRequest& request);
extern const Together kCreatePoolsTogether;
void DescribePools(Call& call, const smsvoice::v2::DescribePoolsRequest& request,
                   smsvoice::v2::DescribePoolsResponse& response);
extern const Together kDescribePoolsTogether;
extern const Together kListPoolsTogether;
smsvoice::v2::UpdatePoolResponse UpdatePool(Call& call, const smsvoice::v2::UpdatePoolRequest& request);
smsvoice::v2::DeletePoolResponse DeletePool(Call& call, const smsvoice::v2::DeletePoolRequest& request);
smsvoice::v2::AssociateOriginationIdentityResponse AssociateOriginationIdentity(
    Call& call, const smsvoice::v2::AssociateOriginationIdentityRequest& request);
extern const Together kAssociateTogether;
smsvoice::v2::DisassociateOriginationIdentityResponse DisassociateOriginationIdentity(
    Call& call, const smsvoice::v2::DisassociateOriginationIdentityRequest& request);
void ListPoolOriginationIdentities(Call& call, const smsvoice::v2::ListPoolOriginationIdentitiesRequest& request,
                                   smsvoice::v2::ListPoolOriginationIdentitiesResponse& response);
extern const Together kListMembersTogether;
smsvoice::v2::BatchAssociateOriginationIdentitiesResponse BatchAssociateOriginationIdentities(
    Call& call, const smsvoice::v2::BatchAssociateOriginationIdentitiesRequest& request);
smsvoice::v2::BatchDisassociateOriginationIdentitiesResponse BatchDisassociateOriginationIdentities(
    Call& call, const smsvoice::v2::BatchDisassociateOriginationIdentitiesRequest& request);
smsvoice::v2::ReplaceOriginationIdentitiesResponse ReplaceOriginationIdentities(
    Call& call, const smsvoice::v2::ReplaceOriginationIdentitiesRequest& request);
void ListPoolsForOriginationIdentity(Call& call, const smsvoice::v2::ListPoolsForOriginationIdentityRequest& request,
                                     smsvoice::v2::ListPoolsForOriginationIdentityResponse& response);

smsvoice::v2::RequestPhoneNumberResponse RequestPhoneNumber(Call& call,
                                                            const smsvoice::v2::RequestPhoneNumberRequest& request);
void DescribePhoneNumbers(Call& call, const smsvoice::v2::DescribePhoneNumbersRequest& request,
                          smsvoice::v2::DescribePhoneNumbersResponse& response);
smsvoice::v2::UpdatePhoneNumberResponse UpdatePhoneNumber(Call& call,
                                                          const smsvoice::v2::UpdatePhoneNumberRequest& request);
smsvoice::v2::ReleasePhoneNumberResponse ReleasePhoneNumber(Call& call,
                                                            const smsvoice::v2::ReleasePhoneNumberRequest& request);

smsvoice::v2::RequestSenderIdResponse RequestSenderId(Call& call, const smsvoice::v2::RequestSenderIdRequest& request);
void DescribeSenderIds(Call& call, const smsvoice::v2::DescribeSenderIdsRequest& request,
                       smsvoice::v2::DescribeSenderIdsResponse& response);
smsvoice::v2::UpdateSenderIdResponse UpdateSenderId(Call& call, const smsvoice::v2::UpdateSenderIdRequest& request);
smsvoice::v2::ReleaseSenderIdResponse ReleaseSenderId(Call& call, const smsvoice::v2::ReleaseSenderIdRequest& request);

smsvoice::v2::PutKeywordResponse PutKeyword(Call& call, const smsvoice::v2::PutKeywordRequest& request);
void DescribeKeywords(Call& call, const smsvoice::v2::DescribeKeywordsRequest& request,
                      smsvoice::v2::DescribeKeywordsResponse& response);
smsvoice::v2::DeleteKeywordResponse DeleteKeyword(Call& call, const smsvoice::v2::DeleteKeywordRequest& request);

smsvoice::v2::TagResourceResponse TagResource(Call& call, const smsvoice::v2::TagResourceRequest& request);
smsvoice::v2::UntagResourceResponse UntagResource(Call& call, const smsvoice::v2::UntagResourceRequest& request);
void ListTagsForResource(Call& call, const smsvoice::v2::ListTagsForResourceRequest& request,
                         smsvoice::v2::ListTagsForResourceResponse& response);

smsvoice::v2::CreateOptOutListResponse CreateOptOutList(Call& call,
                                                        const smsvoice::v2::CreateOptOutListRequest& request);
void DescribeOptOutLists(Call& call, const smsvoice::v2::DescribeOptOutListsRequest& request,
                         smsvoice::v2::DescribeOptOutListsResponse& response);
smsvoice::v2::DeleteOptOutListResponse DeleteOptOutList(Call& call,
                                                        const smsvoice::v2::DeleteOptOutListRequest& request);
smsvoice::v2::PutOptedOutNumberResponse PutOptedOutNumber(Call& call,
                                                          const smsvoice::v2::PutOptedOutNumberRequest& request);
void DescribeOptedOutNumbers(Call& call, const smsvoice::v2::DescribeOptedOutNumbersRequest& request,
                             smsvoice::v2::DescribeOptedOutNumbersResponse& response);
smsvoice::v2::DeleteOptedOutNumberResponse DeleteOptedOutNumber(
    Call& call, const smsvoice::v2::DeleteOptedOutNumberRequest& request);

smsvoice::v2::PutResourcePolicyResponse PutResourcePolicy(Call& call,
                                                          const smsvoice::v2::PutResourcePolicyRequest& request);
smsvoice::v2::GetResourcePolicyResponse GetResourcePolicy(Call& call,
                                                          const smsvoice::v2::GetResourcePolicyRequest& request);
smsvoice::v2::DeleteResourcePolicyResponse DeleteResourcePolicy(
    Call& call, const smsvoice::v2::DeleteResourcePolicyRequest& request);

smsvoice::v2::DescribeAccountLimitsResponse DescribeAccountLimits(
    Call& call, const smsvoice::v2::DescribeAccountLimitsRequest& request);
smsvoice::v2::DescribeAccountAttributesResponse DescribeAccountAttributes(
    Call& call, const smsvoice::v2::DescribeAccountAttributesRequest& request);

smsvoice::v2::ResetAccountResponse ResetAccount(Call& call, const smsvoice::v2::ResetAccountRequest& request);
smsvoice::v2::SeedAccountResponse SeedAccount(Call& call, const smsvoice::v2::SeedAccountRequest& request);

}  // namespace poold
