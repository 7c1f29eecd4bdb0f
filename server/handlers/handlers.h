#pragma once

// Every operation of the API, in its order. Each is described at its rpc in proto/smsvoice/v2/. A handler runs inside
// Transact, on a worker's thread: it reads and writes through call.tx(), returns the response or throws Error, and may
// be run again from the top; it has no other effect.

#include "server/call.h"
#include "smsvoice/v2/phone_numbers.pb.h"
#include "smsvoice/v2/pools.pb.h"
#include "smsvoice/v2/sender_ids.pb.h"

namespace poold {

smsvoice::v2::CreatePoolResponse CreatePool(Call& call, const smsvoice::v2::CreatePoolRequest& request);
smsvoice::v2::DescribePoolsResponse DescribePools(Call& call, const smsvoice::v2::DescribePoolsRequest& request);
smsvoice::v2::UpdatePoolResponse UpdatePool(Call& call, const smsvoice::v2::UpdatePoolRequest& request);
smsvoice::v2::DeletePoolResponse DeletePool(Call& call, const smsvoice::v2::DeletePoolRequest& request);
smsvoice::v2::AssociateOriginationIdentityResponse AssociateOriginationIdentity(
    Call& call, const smsvoice::v2::AssociateOriginationIdentityRequest& request);
smsvoice::v2::DisassociateOriginationIdentityResponse DisassociateOriginationIdentity(
    Call& call, const smsvoice::v2::DisassociateOriginationIdentityRequest& request);
smsvoice::v2::ListPoolOriginationIdentitiesResponse ListPoolOriginationIdentities(
    Call& call, const smsvoice::v2::ListPoolOriginationIdentitiesRequest& request);

smsvoice::v2::RequestPhoneNumberResponse RequestPhoneNumber(Call& call,
                                                            const smsvoice::v2::RequestPhoneNumberRequest& request);
smsvoice::v2::DescribePhoneNumbersResponse DescribePhoneNumbers(
    Call& call, const smsvoice::v2::DescribePhoneNumbersRequest& request);
smsvoice::v2::UpdatePhoneNumberResponse UpdatePhoneNumber(Call& call,
                                                          const smsvoice::v2::UpdatePhoneNumberRequest& request);
smsvoice::v2::ReleasePhoneNumberResponse ReleasePhoneNumber(Call& call,
                                                            const smsvoice::v2::ReleasePhoneNumberRequest& request);

smsvoice::v2::RequestSenderIdResponse RequestSenderId(Call& call, const smsvoice::v2::RequestSenderIdRequest& request);
smsvoice::v2::DescribeSenderIdsResponse DescribeSenderIds(Call& call,
                                                          const smsvoice::v2::DescribeSenderIdsRequest& request);
smsvoice::v2::UpdateSenderIdResponse UpdateSenderId(Call& call, const smsvoice::v2::UpdateSenderIdRequest& request);
smsvoice::v2::ReleaseSenderIdResponse ReleaseSenderId(Call& call, const smsvoice::v2::ReleaseSenderIdRequest& request);

}  // namespace poold
