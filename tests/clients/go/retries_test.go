package clients

// What the SDK sends again by itself, and that nothing is done twice.

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sms "github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2"
	"github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2/types"
	"github.com/aws/smithy-go/middleware"
)

func attempts(t *testing.T, metadata middleware.Metadata) int {
	t.Helper()
	results, ok := retry.GetAttemptResults(metadata)
	if !ok {
		t.Fatal("the attempts were not counted")
	}
	return len(results.Results)
}

// onePoolInTwoAttempts creates a pool through a proxy that does these things with the first and the second attempt.
// Both have the client token that the SDK has made up, and there is one pool.
func onePoolInTwoAttempts(t *testing.T, first, second step) {
	t.Helper()
	account := newAccount()
	client := connect(account)
	number := newNumber(client)
	proxy := between(t, first, second)
	pool := must(connectTo(proxy.endpoint, account, 3).CreatePool(ctx, poolOf(number)))
	equal(t, attempts(t, pool.ResultMetadata), 2)
	equal(t, len(proxy.requests), 2)
	equal(t, proxy.requests[0], proxy.requests[1])
	if token, _ := proxy.requests[0]["ClientToken"].(string); len(token) != 36 {
		t.Fatalf("%q is no token", token)
	}
	pools := must(client.DescribePools(ctx, &sms.DescribePoolsInput{})).Pools
	equal(t, each(pools, func(one types.PoolInformation) string { return *one.PoolId }), []string{*pool.PoolId})
}

func TestOnePoolOfACreateWhoseAnswerWasLost(t *testing.T) {
	onePoolInTwoAttempts(t, step{endpoint: endpoint, lost: true}, step{endpoint: endpoint})
}

func TestOnePoolOfACreateThatWasThrottled(t *testing.T) {
	onePoolInTwoAttempts(t, step{endpoint: throttledEndpoint, untilRefused: true}, step{endpoint: endpoint})
}

func TestOnePoolOfACreateThatFailed(t *testing.T) {
	onePoolInTwoAttempts(t, step{endpoint: brokenEndpoint}, step{endpoint: endpoint})
}

func TestAThrottledCallSucceedsLater(t *testing.T) {
	client := connectTo(throttledEndpoint, newAccount(), 10)
	made := 1
	for call := 0; call < 100 && made == 1; call++ {
		made = attempts(t, must(client.DescribePools(ctx, &sms.DescribePoolsInput{})).ResultMetadata)
	}
	if made == 1 {
		t.Fatal("no call was throttled")
	}
}

func TestARefusedCallIsNotMadeAgain(t *testing.T) {
	proxy := between(t, step{endpoint: endpoint})
	client := connectTo(proxy.endpoint, newAccount(), 3)
	_, err := client.DeleteOptOutList(ctx, &sms.DeleteOptOutListInput{OptOutListName: aws.String("nobodys")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Fatal(err)
	}
	equal(t, len(proxy.requests), 1)
}
