package clients

// The SDK's paginators, over every operation that has pages.

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sms "github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2"
	"github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2/types"
)

type pager[Page any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*sms.Options)) (*Page, error)
}

// samePages checks that the items of all pages, of which each has one, are those of the whole answer.
func samePages[Page, Item any](t *testing.T, whole *Page, pages pager[Page], items func(*Page) []Item) {
	t.Helper()
	found := []Item{}
	for pages.HasMorePages() {
		page := items(must(pages.NextPage(ctx)))
		equal(t, len(page), 1)
		found = append(found, page...)
	}
	equal(t, found, items(whole))
	if len(found) == 0 {
		t.Fatal("there is nothing on the pages")
	}
}

func TestThePagesTogetherAreTheWhole(t *testing.T) {
	client := connect(newAccount())
	var pool *string
	for _, name := range []string{"FIRST", "SECOND", "THIRD"} {
		created := must(client.CreatePool(ctx, poolOf(newNumber(client))))
		if pool == nil {
			pool = created.PoolId
		}
		newSenderID(client, name)
		must(client.AssociateOriginationIdentity(ctx, &sms.AssociateOriginationIdentityInput{
			PoolId: pool, OriginationIdentity: aws.String(name), IsoCountryCode: aws.String("GB"),
		}))
		must(client.CreateOptOutList(ctx, &sms.CreateOptOutListInput{OptOutListName: aws.String(name)}))
	}
	list := aws.String("FIRST")
	for _, number := range []string{"+12065550141", "+12065550142", "+12065550143"} {
		must(client.PutOptedOutNumber(ctx, &sms.PutOptedOutNumberInput{OptOutListName: list, OptedOutNumber: aws.String(number)}))
	}

	describePools := &sms.DescribePoolsInput{}
	samePages[sms.DescribePoolsOutput](t, must(client.DescribePools(ctx, describePools)),
		sms.NewDescribePoolsPaginator(client, describePools, func(o *sms.DescribePoolsPaginatorOptions) { o.Limit = 1 }),
		func(page *sms.DescribePoolsOutput) []types.PoolInformation { return page.Pools })
	describePhoneNumbers := &sms.DescribePhoneNumbersInput{}
	samePages[sms.DescribePhoneNumbersOutput](t, must(client.DescribePhoneNumbers(ctx, describePhoneNumbers)),
		sms.NewDescribePhoneNumbersPaginator(client, describePhoneNumbers, func(o *sms.DescribePhoneNumbersPaginatorOptions) { o.Limit = 1 }),
		func(page *sms.DescribePhoneNumbersOutput) []types.PhoneNumberInformation { return page.PhoneNumbers })
	describeSenderIds := &sms.DescribeSenderIdsInput{}
	samePages[sms.DescribeSenderIdsOutput](t, must(client.DescribeSenderIds(ctx, describeSenderIds)),
		sms.NewDescribeSenderIdsPaginator(client, describeSenderIds, func(o *sms.DescribeSenderIdsPaginatorOptions) { o.Limit = 1 }),
		func(page *sms.DescribeSenderIdsOutput) []types.SenderIdInformation { return page.SenderIds })
	describeKeywords := &sms.DescribeKeywordsInput{OriginationIdentity: pool}
	samePages[sms.DescribeKeywordsOutput](t, must(client.DescribeKeywords(ctx, describeKeywords)),
		sms.NewDescribeKeywordsPaginator(client, describeKeywords, func(o *sms.DescribeKeywordsPaginatorOptions) { o.Limit = 1 }),
		func(page *sms.DescribeKeywordsOutput) []types.KeywordInformation { return page.Keywords })
	describeOptOutLists := &sms.DescribeOptOutListsInput{}
	samePages[sms.DescribeOptOutListsOutput](t, must(client.DescribeOptOutLists(ctx, describeOptOutLists)),
		sms.NewDescribeOptOutListsPaginator(client, describeOptOutLists, func(o *sms.DescribeOptOutListsPaginatorOptions) { o.Limit = 1 }),
		func(page *sms.DescribeOptOutListsOutput) []types.OptOutListInformation { return page.OptOutLists })
	describeOptedOutNumbers := &sms.DescribeOptedOutNumbersInput{OptOutListName: list}
	samePages[sms.DescribeOptedOutNumbersOutput](t, must(client.DescribeOptedOutNumbers(ctx, describeOptedOutNumbers)),
		sms.NewDescribeOptedOutNumbersPaginator(client, describeOptedOutNumbers, func(o *sms.DescribeOptedOutNumbersPaginatorOptions) { o.Limit = 1 }),
		func(page *sms.DescribeOptedOutNumbersOutput) []types.OptedOutNumberInformation {
			return page.OptedOutNumbers
		})
	listPoolOriginationIdentities := &sms.ListPoolOriginationIdentitiesInput{PoolId: pool}
	samePages[sms.ListPoolOriginationIdentitiesOutput](t, must(client.ListPoolOriginationIdentities(ctx, listPoolOriginationIdentities)),
		sms.NewListPoolOriginationIdentitiesPaginator(client, listPoolOriginationIdentities, func(o *sms.ListPoolOriginationIdentitiesPaginatorOptions) { o.Limit = 1 }),
		func(page *sms.ListPoolOriginationIdentitiesOutput) []types.OriginationIdentityMetadata {
			return page.OriginationIdentities
		})
	describeAccountLimits := &sms.DescribeAccountLimitsInput{}
	samePages[sms.DescribeAccountLimitsOutput](t, must(client.DescribeAccountLimits(ctx, describeAccountLimits)),
		sms.NewDescribeAccountLimitsPaginator(client, describeAccountLimits, func(o *sms.DescribeAccountLimitsPaginatorOptions) { o.Limit = 1 }),
		func(page *sms.DescribeAccountLimitsOutput) []types.AccountLimit { return page.AccountLimits })
	describeAccountAttributes := &sms.DescribeAccountAttributesInput{}
	samePages[sms.DescribeAccountAttributesOutput](t, must(client.DescribeAccountAttributes(ctx, describeAccountAttributes)),
		sms.NewDescribeAccountAttributesPaginator(client, describeAccountAttributes, func(o *sms.DescribeAccountAttributesPaginatorOptions) { o.Limit = 1 }),
		func(page *sms.DescribeAccountAttributesOutput) []types.AccountAttribute {
			return page.AccountAttributes
		})
}
