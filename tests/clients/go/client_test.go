// Package clients has the tests of the AWS SDK for Go, version 2. tests/clients/run says what is in the environment.
package clients

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sms "github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2"
	"github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2/types"
)

const (
	region  = "us-east-1"
	channel = "arn:aws:sns:us-east-1:123456789012:incoming"
)

var (
	endpoint          = os.Getenv("POOLD_ENDPOINT")
	throttledEndpoint = os.Getenv("POOLD_THROTTLED_ENDPOINT")
	guardedEndpoint   = os.Getenv("POOLD_GUARDED_ENDPOINT")
	brokenEndpoint    = os.Getenv("POOLD_BROKEN_ENDPOINT")

	ctx      = context.Background()
	accounts atomic.Int64
)

// newAccount returns an account that nobody else uses: `poold dev` takes an access key of 12 digits for the account that
// calls.
func newAccount() string { return fmt.Sprint(600000000000 + accounts.Add(1)) }

// options are those of a client of that account.
func options(account string) sms.Options {
	return sms.Options{
		Region:       region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(account, "secret", ""),
	}
}

func connect(account string) *sms.Client { return sms.New(options(account)) }

// connectTo returns a client of that account at another endpoint, which makes this many attempts.
func connectTo(endpoint, account string, attempts int) *sms.Client {
	chosen := options(account)
	chosen.BaseEndpoint = aws.String(endpoint)
	chosen.RetryMaxAttempts = attempts
	return sms.New(chosen)
}

func arn(account, tail string) string {
	return fmt.Sprintf("arn:aws:sms-voice:%s:%s:%s", region, account, tail)
}

// must returns the answer of a call that has to succeed.
func must[T any](answer T, err error) T {
	if err != nil {
		panic(err)
	}
	return answer
}

func equal[T any](t *testing.T, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// each returns one member of each item.
func each[Item, Member any](items []Item, member func(Item) Member) []Member {
	members := []Member{}
	for _, item := range items {
		members = append(members, member(item))
	}
	return members
}

func usNumber() *sms.RequestPhoneNumberInput {
	return &sms.RequestPhoneNumberInput{
		IsoCountryCode:     aws.String("US"),
		MessageType:        types.MessageTypeTransactional,
		NumberCapabilities: []types.NumberCapability{types.NumberCapabilitySms},
		NumberType:         types.RequestableNumberTypeLongCode,
	}
}

// newNumber requests a US number and returns its id.
func newNumber(client *sms.Client) string {
	return *must(client.RequestPhoneNumber(ctx, usNumber())).PhoneNumberId
}

// poolOf is the request of a pool around a US number.
func poolOf(number string) *sms.CreatePoolInput {
	return &sms.CreatePoolInput{
		OriginationIdentity: aws.String(number),
		IsoCountryCode:      aws.String("US"),
		MessageType:         types.MessageTypeTransactional,
	}
}

// newSenderID requests a British sender ID.
func newSenderID(client *sms.Client, senderID string) {
	must(client.RequestSenderId(ctx, &sms.RequestSenderIdInput{
		SenderId: aws.String(senderID), IsoCountryCode: aws.String("GB"),
	}))
}
