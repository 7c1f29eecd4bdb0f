#!/usr/bin/env bash
# The commands of the AWS guide "Managing pools", in its words:
#   tests/clients/tours/aws_guide.sh ACCOUNT
# ACCOUNT has nothing yet. tests/clients/run says what is in the environment.
set -euo pipefail
export AWS_ACCESS_KEY_ID=$1

aws() { command "$POOLD_TEST_AWS" --endpoint-url "$POOLD_ENDPOINT" "$@"; }

expect() { # WHAT EXPECTED ACTUAL
  if [[ "$2" != "$3" ]]; then
    printf 'The AWS guide, %s: expected %s, got %s\n' "$@" >&2
    exit 1
  fi
}

request_number() {
  aws pinpoint-sms-voice-v2 request-phone-number \
    --iso-country-code US --message-type TRANSACTIONAL --number-capabilities SMS --number-type LONG_CODE \
    --query "$1" --output text
}
first=$(request_number PhoneNumberId)
second=$(request_number PhoneNumberArn)

pool=$(aws pinpoint-sms-voice-v2 create-pool \
  --origination-identity "$first" \
  --iso-country-code US \
  --message-type TRANSACTIONAL)
poolId=$(jq --raw-output .PoolId <<<"$pool")
expect "creating a pool" "ACTIVE TRANSACTIONAL false" \
  "$(jq --raw-output '"\(.Status) \(.MessageType) \(.TwoWayEnabled)"' <<<"$pool")"

associated=$(aws pinpoint-sms-voice-v2 associate-origination-identity \
  --pool-id "$poolId" \
  --origination-identity "$second" \
  --iso-country-code US)
expect "adding origination identities" "$second" "$(jq --raw-output .OriginationIdentityArn <<<"$associated")"

ids() { jq --compact-output '[.Pools[].PoolId]'; }
expect "listing all pools" "[\"$poolId\"]" "$(aws pinpoint-sms-voice-v2 describe-pools | ids)"

expect "a specific pool" "[\"$poolId\"]" "$(aws pinpoint-sms-voice-v2 describe-pools \
  --pool-id "$poolId" | ids)"

# Of an option that is given twice the CLI sends the last: that is its way.
expect "a filtered list" "[]" "$(aws pinpoint-sms-voice-v2 describe-pools \
  --filters Name=message-type,Values=TRANSACTIONAL \
  --filters Name=two-way-enabled,Values=true | ids)"
expect "a list by two filters" "[\"$poolId\"]" "$(aws pinpoint-sms-voice-v2 describe-pools \
  --filters Name=message-type,Values=TRANSACTIONAL Name=two-way-enabled,Values=false | ids)"

members=$(aws pinpoint-sms-voice-v2 list-pool-origination-identities \
  --pool-id "$poolId")
expect "listing the origination identities" "$first ${second##*/}" \
  "$(jq --raw-output '[.OriginationIdentities[].OriginationIdentity] | join(" ")' <<<"$members")"

expect "deleting a pool" "$poolId" "$(aws pinpoint-sms-voice-v2 delete-pool \
  --pool-id "$poolId" | jq --raw-output .PoolId)"
expect "the identities remain in the account" "2" "$(aws pinpoint-sms-voice-v2 describe-phone-numbers \
  --query 'length(PhoneNumbers)')"
