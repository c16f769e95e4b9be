package receiver

// What five server SDKs post for one batch: written after what each of them writes
// differently. All name the same request, so that derived ids are equal.
func sdkBodies() map[string]string {
	return map[string]string{
		// The Go SDK leaves out what is not set, but for a session_id of 0, and escapes <, > and &.
		"go": `{"events":[{"data":{"timestamp_unixtime_ms":1600000000000,"session_uuid":"s-1","session_id":0},"event_type":"session_start"},` +
			`{"data":{"timestamp_unixtime_ms":1600000001000,"session_uuid":"s-1","custom_event_type":"search","event_name":"a \u003c b \u0026 c","custom_attributes":{"Größe":"1.50"}},"event_type":"custom_event"},` +
			`{"data":{"timestamp_unixtime_ms":1600000002000,"session_uuid":"s-1","product_action":{"action":"purchase","transaction_id":"t-1","total_amount":12.50,"products":[{"id":"p-1","price":12.50,"quantity":1,"added_to_cart_time_ms":1600000000500}]}},"event_type":"commerce_event"},` +
			`{"data":{"timestamp_unixtime_ms":1600000003000,"session_uuid":"s-1","application_transition_type":"application_initialized","is_first_run":true},"event_type":"application_state_transition"}],` +
			`"source_request_id":"req-1","environment":"development","ip":"203.0.113.9","device_info":{"platform":"iOS","os_version":"17"},` +
			`"application_info":{"os":"IOS","application_version":"1"},"user_identities":{"customer_id":"c-1","email":"jane@example.com"},"user_attributes":{"plan":"gold"},"mpid":-7636538281262557001}`,

		// The Node SDK writes customerid, and a user id as its caller gave it: a string.
		"node": `{"environment":"development","user_identities":{"customerid":"c-1","email":"jane@example.com"},"user_attributes":{"plan":"gold"},"mpid":"-7636538281262557001","source_request_id":"req-1","ip":"203.0.113.9",` +
			`"device_info":{"platform":"iOS","os_version":"17"},"application_info":{"os":"IOS","application_version":"1"},"events":[` +
			`{"event_type":"session_start","data":{"timestamp_unixtime_ms":1600000000000,"session_uuid":"s-1"}},` +
			`{"event_type":"custom_event","data":{"timestamp_unixtime_ms":1600000001000,"session_uuid":"s-1","custom_event_type":"search","event_name":"a < b & c","custom_attributes":{"Größe":"1.50"}}},` +
			`{"event_type":"commerce_event","data":{"timestamp_unixtime_ms":1600000002000,"session_uuid":"s-1","product_action":{"action":"purchase","transaction_id":"t-1","total_amount":12.5,"products":[{"id":"p-1","price":12.5,"quantity":1,"added_to_cart_time_ms":1600000000500}]}}},` +
			`{"event_type":"application_state_transition","data":{"timestamp_unixtime_ms":1600000003000,"session_uuid":"s-1","application_transition_type":"application_initialized","is_first_run":true}}]}`,

		// The Python SDK puts spaces behind commas and colons, and escapes what is not ASCII.
		"python": `{"events": [{"data": {"timestamp_unixtime_ms": 1600000000000, "session_uuid": "s-1"}, "event_type": "session_start"}, ` +
			`{"data": {"timestamp_unixtime_ms": 1600000001000, "session_uuid": "s-1", "custom_event_type": "search", "event_name": "a < b & c", "custom_attributes": {"Gr\u00f6\u00dfe": "1.50"}}, "event_type": "custom_event"}, ` +
			`{"data": {"timestamp_unixtime_ms": 1600000002000, "session_uuid": "s-1", "product_action": {"action": "purchase", "transaction_id": "t-1", "total_amount": 12.5, "products": [{"id": "p-1", "price": 12.5, "quantity": 1, "added_to_cart_time_ms": 1600000000500}]}}, "event_type": "commerce_event"}, ` +
			`{"data": {"timestamp_unixtime_ms": 1600000003000, "session_uuid": "s-1", "application_transition_type": "application_initialized", "is_first_run": true}, "event_type": "application_state_transition"}], ` +
			`"source_request_id": "req-1", "environment": "development", "ip": "203.0.113.9", "device_info": {"platform": "iOS", "os_version": "17"}, ` +
			`"application_info": {"os": "IOS", "application_version": "1"}, "user_identities": {"customerid": "c-1", "email": "jane@example.com"}, "user_attributes": {"plan": "gold"}, "mpid": -7636538281262557001}`,

		// The Ruby SDK writes as Python's does, without spaces and escapes.
		"ruby": `{"events":[{"data":{"timestamp_unixtime_ms":1600000000000,"session_uuid":"s-1"},"event_type":"session_start"},` +
			`{"data":{"timestamp_unixtime_ms":1600000001000,"session_uuid":"s-1","custom_event_type":"search","event_name":"a < b & c","custom_attributes":{"Größe":"1.50"}},"event_type":"custom_event"},` +
			`{"data":{"timestamp_unixtime_ms":1600000002000,"session_uuid":"s-1","product_action":{"action":"purchase","transaction_id":"t-1","total_amount":12.5,"products":[{"id":"p-1","price":12.5,"quantity":1,"added_to_cart_time_ms":1600000000500}]}},"event_type":"commerce_event"},` +
			`{"data":{"timestamp_unixtime_ms":1600000003000,"session_uuid":"s-1","application_transition_type":"application_initialized","is_first_run":true},"event_type":"application_state_transition"}],` +
			`"user_identities":{"customerid":"c-1","email":"jane@example.com"},"user_attributes":{"plan":"gold"},"device_info":{"platform":"iOS","os_version":"17"},"application_info":{"os":"IOS","application_version":"1"},` +
			`"environment":"development","ip":"203.0.113.9","mpid":-7636538281262557001,"source_request_id":"req-1"}`,

		// The Java SDK writes the names of its constants, and null, {} or [] for all that is not set.
		"java": `{"events":[{"event_type":"SESSION_START","data":{"timestamp_unixtime_ms":1600000000000,"event_id":null,"source_message_id":null,"session_id":null,"session_uuid":"s-1","session_start_unixtime_ms":null,"custom_attributes":{},"location":null,"device_current_state":null,"custom_flags":{}}},` +
			`{"event_type":"CUSTOM_EVENT","data":{"timestamp_unixtime_ms":1600000001000,"event_id":null,"session_id":null,"session_uuid":"s-1","custom_event_type":"SEARCH","event_name":"a < b & c","custom_attributes":{"Größe":"1.50"},"custom_flags":{}}},` +
			`{"event_type":"COMMERCE_EVENT","data":{"timestamp_unixtime_ms":1600000002000,"event_id":null,"session_id":null,"session_uuid":"s-1","product_action":{"action":"PURCHASE","checkout_step":null,"transaction_id":"t-1","total_amount":12.5,"products":[{"id":"p-1","name":null,"price":12.5,"quantity":1,"custom_attributes":{},"added_to_cart_time_ms":1600000000500}]},"promotion_action":null,"product_impressions":[],"currency_code":null,"custom_attributes":{}}},` +
			`{"event_type":"APPLICATION_STATE_TRANSITION","data":{"timestamp_unixtime_ms":1600000003000,"session_id":null,"session_uuid":"s-1","application_transition_type":"INITIALIZED","is_first_run":true,"is_upgrade":null,"push_notification_payload":null}}],` +
			`"device_info":{"brand":null,"platform":"IOS","os_version":"17","att_authorization_status":null},"application_info":{"application_name":null,"os":"IOS","application_version":"1"},"schema_version":null,"environment":"DEVELOPMENT",` +
			`"context":null,"consent_state":null,"source_info":null,"user_attributes":{"plan":"gold"},"deleted_user_attributes":[],"user_identities":{"customer_id":"c-1","email":"jane@example.com","google":null},"integration_attributes":{},"api_key":null,"batch_id":null,"message_id":null,` +
			`"mpid":-7636538281262557001,"mp_deviceid":null,"sdk_version":null,"ip":"203.0.113.9","job_id":null,"partner_identities":{},"timestamp_unixtime_ms":null,"source_request_id":"req-1"}`,
	}
}
