package clients

// The whole life of each noun, by every operation that the SDK has.

import (
	"sort"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sms "github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2"
	"github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2/types"
)

func TestLifeOfAPool(t *testing.T) {
	account := newAccount()
	client := connect(account)
	first, second := newNumber(client), newNumber(client)
	newSenderID(client, "EXAMPLECO")

	create := poolOf(first)
	create.DeletionProtectionEnabled = aws.Bool(true)
	create.Tags = []types.Tag{{Key: aws.String("Name"), Value: aws.String("Offers")}}
	pool := must(client.CreatePool(ctx, create))
	equal(t, *pool.PoolArn, arn(account, "pool/"+*pool.PoolId))
	equal(t, pool.Status, types.PoolStatusActive)
	equal(t, pool.Tags, create.Tags)
	equal(t, pool.DeletionProtectionEnabled, true)
	equal(t, pool.TwoWayEnabled, false)

	for identity, country := range map[string]string{second: "US", "EXAMPLECO": "GB"} {
		associated := must(client.AssociateOriginationIdentity(ctx, &sms.AssociateOriginationIdentityInput{
			PoolId: pool.PoolId, OriginationIdentity: aws.String(identity), IsoCountryCode: aws.String(country),
		}))
		equal(t, *associated.OriginationIdentity, identity)
	}
	listed := must(client.ListPoolOriginationIdentities(ctx, &sms.ListPoolOriginationIdentitiesInput{PoolId: pool.PoolArn}))
	members := each(listed.OriginationIdentities, func(one types.OriginationIdentityMetadata) string {
		return *one.OriginationIdentity
	})
	sort.Strings(members)
	equal(t, members, sorted(first, second, "EXAMPLECO"))

	updated := must(client.UpdatePool(ctx, &sms.UpdatePoolInput{
		PoolId:                    pool.PoolId,
		TwoWayEnabled:             aws.Bool(true),
		TwoWayChannelArn:          aws.String(channel),
		DeletionProtectionEnabled: aws.Bool(false),
	}))
	equal(t, *updated.TwoWayChannelArn, channel)
	equal(t, poolsHaving(client, "true"), []string{*pool.PoolId})
	equal(t, poolsHaving(client, "false"), []string{})

	left := must(client.DisassociateOriginationIdentity(ctx, &sms.DisassociateOriginationIdentityInput{
		PoolId: pool.PoolId, OriginationIdentity: aws.String(second), IsoCountryCode: aws.String("US"),
	}))
	equal(t, *left.PoolArn, *pool.PoolArn)
	equal(t, must(client.DeletePool(ctx, &sms.DeletePoolInput{PoolId: pool.PoolId})).Status, types.PoolStatusDeleting)
	equal(t, len(must(client.DescribePools(ctx, &sms.DescribePoolsInput{})).Pools), 0)
	numbers := must(client.DescribePhoneNumbers(ctx, &sms.DescribePhoneNumbersInput{})).PhoneNumbers
	equal(t, each(numbers, func(number types.PhoneNumberInformation) *string { return number.PoolId }), []*string{nil, nil})
}

func sorted(texts ...string) []string {
	sort.Strings(texts)
	return texts
}

// poolsHaving returns the ids of the pools whose two-way-enabled has that value.
func poolsHaving(client *sms.Client, twoWay string) []string {
	found := must(client.DescribePools(ctx, &sms.DescribePoolsInput{
		Filters: []types.PoolFilter{{Name: types.PoolFilterNameTwoWayEnabled, Values: []string{twoWay}}},
	}))
	return each(found.Pools, func(pool types.PoolInformation) string { return *pool.PoolId })
}

func TestLifeOfAPhoneNumber(t *testing.T) {
	account := newAccount()
	client := connect(account)
	request := usNumber()
	request.DeletionProtectionEnabled = aws.Bool(true)
	number := must(client.RequestPhoneNumber(ctx, request))
	equal(t, *number.PhoneNumberArn, arn(account, "phone-number/"+*number.PhoneNumberId))
	equal(t, number.Status, types.NumberStatusActive)
	updated := must(client.UpdatePhoneNumber(ctx, &sms.UpdatePhoneNumberInput{
		PhoneNumberId:             number.PhoneNumberId,
		TwoWayEnabled:             aws.Bool(true),
		TwoWayChannelArn:          aws.String(channel),
		DeletionProtectionEnabled: aws.Bool(false),
	}))
	equal(t, updated.TwoWayEnabled, true)
	equal(t, updated.DeletionProtectionEnabled, false)
	described := must(client.DescribePhoneNumbers(ctx, &sms.DescribePhoneNumbersInput{
		Filters: []types.PhoneNumberFilter{
			{Name: types.PhoneNumberFilterNameTwoWayChannelArn, Values: []string{channel}},
		},
	})).PhoneNumbers
	equal(t, each(described, func(one types.PhoneNumberInformation) string { return *one.PhoneNumber }),
		[]string{*number.PhoneNumber})
	released := must(client.ReleasePhoneNumber(ctx, &sms.ReleasePhoneNumberInput{PhoneNumberId: number.PhoneNumberId}))
	equal(t, released.Status, types.NumberStatusDeleted)
}

func TestLifeOfASenderID(t *testing.T) {
	account := newAccount()
	client := connect(account)
	senderID, country := aws.String("EXAMPLECO"), aws.String("GB")
	requested := must(client.RequestSenderId(ctx, &sms.RequestSenderIdInput{
		SenderId: senderID, IsoCountryCode: country, MessageTypes: []types.MessageType{types.MessageTypePromotional},
	}))
	equal(t, *requested.SenderIdArn, arn(account, "sender-id/EXAMPLECO/GB"))
	for _, protected := range []bool{true, false} {
		must(client.UpdateSenderId(ctx, &sms.UpdateSenderIdInput{
			SenderId: senderID, IsoCountryCode: country, DeletionProtectionEnabled: aws.Bool(protected),
		}))
		described := must(client.DescribeSenderIds(ctx, &sms.DescribeSenderIdsInput{
			SenderIds: []types.SenderIdAndCountry{{SenderId: senderID, IsoCountryCode: country}},
		})).SenderIds
		equal(t, each(described, func(one types.SenderIdInformation) bool { return one.DeletionProtectionEnabled }),
			[]bool{protected})
		equal(t, described[0].MessageTypes, []types.MessageType{types.MessageTypePromotional})
	}
	released := must(client.ReleaseSenderId(ctx, &sms.ReleaseSenderIdInput{SenderId: senderID, IsoCountryCode: country}))
	equal(t, *released.SenderId, "EXAMPLECO")
}

func TestLifeOfAKeyword(t *testing.T) {
	client := connect(newAccount())
	number := aws.String(newNumber(client))
	message := "Offers of Example Co. – Reply STOP to stop. 👋"
	must(client.PutKeyword(ctx, &sms.PutKeywordInput{
		OriginationIdentity: number, Keyword: aws.String("info"), KeywordMessage: aws.String(message),
	}))
	keywords := must(client.DescribeKeywords(ctx, &sms.DescribeKeywordsInput{OriginationIdentity: number})).Keywords
	equal(t, each(keywords, func(one types.KeywordInformation) string { return *one.Keyword }),
		[]string{"HELP", "INFO", "STOP"})
	equal(t, keywords[1].KeywordAction, types.KeywordActionAutomaticResponse)
	deleted := must(client.DeleteKeyword(ctx, &sms.DeleteKeywordInput{
		OriginationIdentity: number, Keyword: aws.String("INFO"),
	}))
	equal(t, *deleted.KeywordMessage, message)
}

func TestLifeOfAnOptOutListWithTags(t *testing.T) {
	account := newAccount()
	client := connect(account)
	name, number := aws.String("offers"), aws.String("+12065550142")
	before := time.Now()
	created := must(client.CreateOptOutList(ctx, &sms.CreateOptOutListInput{OptOutListName: name}))
	equal(t, *created.OptOutListArn, arn(account, "opt-out-list/offers"))
	lists := must(client.DescribeOptOutLists(ctx, &sms.DescribeOptOutListsInput{})).OptOutLists
	equal(t, len(lists), 2) // with Default

	put := must(client.PutOptedOutNumber(ctx, &sms.PutOptedOutNumberInput{OptOutListName: name, OptedOutNumber: number}))
	entries := must(client.DescribeOptedOutNumbers(ctx, &sms.DescribeOptedOutNumbersInput{OptOutListName: name}))
	equal(t, each(entries.OptedOutNumbers, func(one types.OptedOutNumberInformation) time.Time {
		return *one.OptedOutTimestamp
	}), []time.Time{*put.OptedOutTimestamp})
	if put.OptedOutTimestamp.Before(before.Truncate(time.Millisecond)) || put.OptedOutTimestamp.After(time.Now()) {
		t.Fatalf("%v is not now", put.OptedOutTimestamp)
	}
	must(client.DeleteOptedOutNumber(ctx, &sms.DeleteOptedOutNumberInput{OptOutListName: name, OptedOutNumber: number}))

	tags := []types.Tag{{Key: aws.String("empty"), Value: aws.String("")}, {Key: aws.String("team"), Value: aws.String("growth")}}
	must(client.TagResource(ctx, &sms.TagResourceInput{ResourceArn: created.OptOutListArn, Tags: tags}))
	tagsOf := &sms.ListTagsForResourceInput{ResourceArn: created.OptOutListArn}
	equal(t, must(client.ListTagsForResource(ctx, tagsOf)).Tags, tags)
	must(client.UntagResource(ctx, &sms.UntagResourceInput{
		ResourceArn: created.OptOutListArn, TagKeys: []string{"empty", "team"},
	}))
	equal(t, len(must(client.ListTagsForResource(ctx, tagsOf)).Tags), 0)

	deleted := must(client.DeleteOptOutList(ctx, &sms.DeleteOptOutListInput{OptOutListName: name}))
	equal(t, *deleted.OptOutListArn, *created.OptOutListArn)
}

func TestTheAccount(t *testing.T) {
	client := connect(newAccount())
	must(client.CreateOptOutList(ctx, &sms.CreateOptOutListInput{OptOutListName: aws.String("offers")}))
	used := map[types.AccountLimitName]int64{}
	for _, limit := range must(client.DescribeAccountLimits(ctx, &sms.DescribeAccountLimitsInput{})).AccountLimits {
		used[limit.Name] = limit.Used
	}
	equal(t, used[types.AccountLimitNameOptOutLists], 2)
	attributes := must(client.DescribeAccountAttributes(ctx, &sms.DescribeAccountAttributesInput{})).AccountAttributes
	equal(t, each(attributes, func(one types.AccountAttribute) string { return *one.Value }), []string{"PRODUCTION"})
}
