package forwarderotel

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
)

// sends starts and ends the span of each call. open is called before anything else.
type sends struct {
	tracer  trace.Tracer // nil: there are no spans
	metrics *callMetrics
	headers bool // messages get some
	name    string
	start   []trace.SpanStartOption
}

func (s *sends) open(topics []string) {
	s.name = "send"
	attributes := []attribute.KeyValue{
		semconv.MessagingSystemKafka, semconv.MessagingOperationName("send"), semconv.MessagingOperationTypeSend,
	}
	if len(topics) == 1 { // of several, a call may have any
		s.name += " " + topics[0]
		attributes = append(attributes, semconv.MessagingDestinationName(topics[0]))
	}
	s.start = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(attributes...)}
}

// A sendContext is the context of a call. Others may put spans of their own above
// it.
type sendContext struct {
	context.Context //nolint:containedctx // it is one
	of              *sends
	span            trace.Span                    // nil: there is none to describe and to end
	carrier         atomic.Pointer[headerCarrier] // for the first who asks for headers
}

// A sendKey asks a context for the innermost call of a forwarder: a filter may hand
// the context of a call to another forwarder, or to the same.
type sendKey struct{ of *sends }

func (c *sendContext) Value(key any) any {
	if k, ok := key.(sendKey); ok && k.of == c.of {
		return c
	}
	return c.Context.Value(key)
}

// call returns the call that a context is of.
func (s *sends) call(ctx context.Context) *sendContext {
	c, _ := ctx.Value(sendKey{s}).(*sendContext)
	return c
}

// begun returns the context of a call. It is a sendContext only if there is something
// to keep in it.
func (s *sends) begun(ctx context.Context, _ *batch.Batch) context.Context {
	var span trace.Span
	if s.tracer != nil {
		if ctx, span = s.tracer.Start(ctx, s.name, s.start...); !span.IsRecording() {
			span = nil // its end does nothing
		}
	}
	if s.headers {
		both := new(struct { // one allocation
			sendContext
			headerCarrier
		})
		both.Context, both.of, both.span = ctx, s, span
		both.carrier.Store(&both.headerCarrier)
		return &both.sendContext
	}
	if span == nil && s.call(ctx) == nil { // otherwise done would find the call around this one
		return ctx
	}
	return &sendContext{Context: ctx, of: s, span: span}
}

func (s *sends) done(ctx context.Context, info forwarder.ForwardInfo) {
	s.metrics.done(ctx, &info)
	if s.tracer == nil {
		return
	}
	if c := s.call(ctx); c != nil && c.span != nil {
		describe(c.span, &info)
		c.span.End()
	}
}

// describe says on the span what became of a batch. Texts of errors stay out: they
// are for logs.
func describe(span trace.Span, info *forwarder.ForwardInfo) {
	messages := len(info.Messages)
	if e, ok := errors.AsType[*forwarder.DeliveryError](info.Err); ok {
		messages = e.Messages
	}
	attributes := make([]attribute.KeyValue, 0, 4)
	if messages > 1 {
		attributes = append(attributes, semconv.MessagingBatchMessageCount(messages))
	}
	if messages == 1 && len(info.Messages) == 1 {
		m := info.Messages[0]
		attributes = append(attributes, partitionID(m.Partition), semconv.MessagingMessageBodySize(m.Bytes))
		if m.Offset >= 0 {
			attributes = append(attributes, semconv.MessagingKafkaOffset(int(m.Offset)))
		}
	}
	if info.Err != nil {
		kind := errorType(info.Err)
		attributes = append(attributes, semconv.ErrorTypeKey.String(kind))
		span.SetStatus(codes.Error, kind)
	}
	span.SetAttributes(attributes...)
}

func partitionID(partition int32) attribute.KeyValue {
	return semconv.MessagingDestinationPartitionID(strconv.Itoa(int(partition)))
}

// traceHeaders returns a function that writes the context of the span into headers.
func (s *sends) traceHeaders(p propagation.TextMapPropagator) func(context.Context, *batch.Batch) []forwarder.Header {
	s.headers = true
	return func(ctx context.Context, _ *batch.Batch) []forwarder.Header {
		c := s.carrierOf(ctx)
		p.Inject(ctx, c)
		return c.headers
	}
}

// carrierOf returns an empty carrier: that of the call, once, or a new one. What it
// collects is of the messages from then on.
func (s *sends) carrierOf(ctx context.Context) *headerCarrier {
	if call := s.call(ctx); call != nil {
		if c := call.carrier.Swap(nil); c != nil {
			return c
		}
	}
	return new(headerCarrier)
}

// A headerCarrier collects headers. It implements [propagation.TextMapCarrier].
type headerCarrier struct {
	headers []forwarder.Header
	room    [2]forwarder.Header // as many as the propagator of W3C writes
	bytes   [64]byte            // of values: traceparent has 55
	used    int
}

// value returns a copy that nothing else writes to.
func (c *headerCarrier) value(text string) []byte {
	if len(text) > len(c.bytes)-c.used {
		return []byte(text)
	}
	from := c.used
	c.used += copy(c.bytes[from:], text)
	return c.bytes[from:c.used:c.used]
}

func (c *headerCarrier) Get(key string) string {
	for _, h := range c.headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func (c *headerCarrier) Set(key, value string) {
	for i := range c.headers {
		if c.headers[i].Key == key {
			c.headers[i].Value = c.value(value)
			return
		}
	}
	if c.headers == nil {
		c.headers = c.room[:0]
	}
	c.headers = append(c.headers, forwarder.Header{Key: key, Value: c.value(value)})
}

func (c *headerCarrier) Keys() []string {
	keys := make([]string, len(c.headers))
	for i, h := range c.headers {
		keys[i] = h.Key
	}
	return keys
}
