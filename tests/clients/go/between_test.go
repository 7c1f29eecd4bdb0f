package clients

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// step is what the proxy does with one request.
type step struct {
	endpoint     string // the server that gets it
	lost         bool   // the client never gets the answer: its connection ends after the server has answered
	untilRefused bool   // it is sent again and again, and the client gets the first refusal
}

// proxy stands between a client and servers. It does its first step with the first request, the next with the next, and
// the last with all further ones.
type proxy struct {
	steps    []step
	endpoint string
	requests []map[string]any // the bodies that came, in their order
}

func between(t *testing.T, steps ...step) *proxy {
	between := &proxy{steps: steps}
	server := httptest.NewServer(between)
	t.Cleanup(server.Close)
	between.endpoint = server.URL
	return between
}

func (p *proxy) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	body := must(io.ReadAll(request.Body))
	var parsed map[string]any
	if err := json.Unmarshal(body, &parsed); err != nil {
		panic(err)
	}
	step := p.steps[0]
	if len(p.steps) > 1 {
		p.steps = p.steps[1:]
	}
	p.requests = append(p.requests, parsed)

	status, headers, content := deliver(step.endpoint, request.Header, body)
	for step.untilRefused && status == http.StatusOK {
		status, headers, content = deliver(step.endpoint, request.Header, body)
	}
	if step.lost {
		connection, _, err := response.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		connection.Close()
		return
	}
	for name, values := range headers {
		response.Header()[name] = values
	}
	response.WriteHeader(status)
	must(response.Write(content))
}

// deliver sends a request on and returns the answer.
func deliver(endpoint string, headers http.Header, body []byte) (int, http.Header, []byte) {
	onward := must(http.NewRequest(http.MethodPost, endpoint, bytes.NewReader(body)))
	onward.Header = headers.Clone()
	answer := must(http.DefaultClient.Do(onward))
	defer answer.Body.Close()
	return answer.StatusCode, answer.Header, must(io.ReadAll(answer.Body))
}
