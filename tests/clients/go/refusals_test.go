package clients

// Refusals as the SDK's error types, and everything that they say.

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sms "github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2"
	"github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2/types"
	"github.com/aws/smithy-go"
)

const nobodysPool = "pool-0123456789abcdef0123456789abcdef"

// refusal returns the SDK's exception that the error is, and checks what all have.
func refusal[Exception smithy.APIError](t *testing.T, err error) Exception {
	t.Helper()
	var exception Exception
	if !errors.As(err, &exception) {
		t.Fatalf("%v is no %T", err, exception)
	}
	equal(t, fmt.Sprintf("%T", exception), "*types."+exception.ErrorCode())
	if exception.ErrorMessage() == "" {
		t.Fatal("the message is empty")
	}
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		t.Fatalf("%v has no response", err)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(response.ServiceRequestID()) {
		t.Fatalf("%q is no request id", response.ServiceRequestID())
	}
	status := map[smithy.ErrorFault]int{smithy.FaultClient: 400, smithy.FaultServer: 500}
	equal(t, response.HTTPStatusCode(), status[exception.ErrorFault()])
	return exception
}

func TestConflict(t *testing.T) {
	client := connect(newAccount())
	create := poolOf(newNumber(client))
	create.DeletionProtectionEnabled = aws.Bool(true)
	pool := must(client.CreatePool(ctx, create))
	_, err := client.DeletePool(ctx, &sms.DeletePoolInput{PoolId: pool.PoolId})
	conflict := refusal[*types.ConflictException](t, err)
	equal(t, conflict.Reason, types.ConflictExceptionReasonDeletionProtectionEnabled)
	equal(t, conflict.ResourceType, types.ResourceTypePool)
	equal(t, *conflict.ResourceId, *pool.PoolId)
	if !strings.HasPrefix(*conflict.Message, `Conflict Occurred - Reason="DELETION_PROTECTION_ENABLED"`) {
		t.Fatal(*conflict.Message)
	}
}

func TestResourceNotFound(t *testing.T) {
	_, err := connect(newAccount()).DescribePools(ctx, &sms.DescribePoolsInput{PoolIds: []string{nobodysPool}})
	missing := refusal[*types.ResourceNotFoundException](t, err)
	equal(t, missing.ResourceType, types.ResourceTypePool)
	equal(t, *missing.ResourceId, nobodysPool)
}

func TestValidationNamesAllThatIsWrong(t *testing.T) {
	_, err := connect(newAccount()).CreatePool(ctx, &sms.CreatePoolInput{
		OriginationIdentity: aws.String("+12065550142"),
		IsoCountryCode:      aws.String("us"),
		MessageType:         types.MessageTypeTransactional,
	})
	invalid := refusal[*types.ValidationException](t, err)
	equal(t, invalid.Reason, types.ValidationExceptionReasonInvalidParameter)
	equal(t, each(invalid.Fields, func(field types.ValidationExceptionField) string { return *field.Name }),
		[]string{"originationIdentity", "isoCountryCode"})
}

func TestServiceQuotaExceeded(t *testing.T) {
	client := connect(newAccount())
	for list := 1; list < 25; list++ {
		name := aws.String(fmt.Sprintf("list-%d", list))
		must(client.CreateOptOutList(ctx, &sms.CreateOptOutListInput{OptOutListName: name}))
	}
	_, err := client.CreateOptOutList(ctx, &sms.CreateOptOutListInput{OptOutListName: aws.String("more")})
	equal(t, refusal[*types.ServiceQuotaExceededException](t, err).Reason,
		types.ServiceQuotaExceededExceptionReasonOptOutListsPerAccount)
}

func TestThrottling(t *testing.T) {
	client := connectTo(throttledEndpoint, newAccount(), 1)
	var err error
	for call := 0; call < 100 && err == nil; call++ {
		_, err = client.DescribeAccountLimits(ctx, &sms.DescribeAccountLimitsInput{})
	}
	refusal[*types.ThrottlingException](t, err)
}

func TestInternalServer(t *testing.T) {
	_, err := connectTo(brokenEndpoint, newAccount(), 1).DescribePools(ctx, &sms.DescribePoolsInput{})
	failure := refusal[*types.InternalServerException](t, err)
	var response *awshttp.ResponseError
	errors.As(err, &response)
	equal(t, *failure.RequestId, response.ServiceRequestID())
}

func TestSignatures(t *testing.T) {
	key, secret := os.Getenv("POOLD_GUARDED_KEY"), os.Getenv("POOLD_GUARDED_SECRET")
	guarded := func(key, secret string) *sms.Client {
		chosen := options(key)
		chosen.BaseEndpoint = aws.String(guardedEndpoint)
		chosen.Credentials = credentials.NewStaticCredentialsProvider(key, secret, "")
		return sms.New(chosen)
	}
	request := usNumber()
	request.Tags = []types.Tag{{Key: aws.String("ä é"), Value: aws.String("/ü?&=%20 👋")}}
	number := must(guarded(key, secret).RequestPhoneNumber(ctx, request))
	equal(t, strings.Split(*number.PhoneNumberArn, ":")[4], os.Getenv("POOLD_GUARDED_ACCOUNT"))

	for exception, client := range map[string]*sms.Client{
		"InvalidSignatureException":   guarded(key, secret+"x"),
		"UnrecognizedClientException": guarded("AKIDNOBODY", secret),
	} {
		_, err := client.DescribePools(ctx, &sms.DescribePoolsInput{})
		var refused smithy.APIError
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		equal(t, refused.ErrorCode(), exception)
	}
}
