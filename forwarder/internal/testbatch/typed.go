package testbatch

// Batch covers all members that [Batches] writes: what a program would decode
// into that uses encoding/json and structs.
type Batch struct {
	Events                []Event                      `json:"events"`
	SourceRequestID       string                       `json:"source_request_id,omitempty"`
	Environment           string                       `json:"environment,omitempty"`
	UserIdentities        []Identity                   `json:"user_identities,omitempty"`
	UserAttributes        map[string]any               `json:"user_attributes,omitempty"`
	DeletedUserAttributes []string                     `json:"deleted_user_attributes,omitempty"`
	DeviceInfo            *DeviceInfo                  `json:"device_info,omitempty"`
	ApplicationInfo       *ApplicationInfo             `json:"application_info,omitempty"`
	SchemaVersion         int                          `json:"schema_version,omitempty"`
	SourceInfo            *SourceInfo                  `json:"source_info,omitempty"`
	Context               *Context                     `json:"context,omitempty"`
	MPDeviceID            *string                      `json:"mp_deviceid,omitempty"`
	MPID                  int64                        `json:"mpid,omitempty"`
	IP                    string                       `json:"ip,omitempty"`
	Timestamp             int64                        `json:"timestamp_unixtime_ms,string,omitempty"`
	BatchID               string                       `json:"batch_id,omitempty"`
	MessageID             string                       `json:"message_id,omitempty"`
	MessageType           string                       `json:"message_type,omitempty"`
	UniqueID              string                       `json:"unique_id,omitempty"`
	ConsentState          map[string]any               `json:"consent_state,omitempty"`
	IntegrationAttributes map[string]map[string]string `json:"integration_attributes,omitempty"`
	PartnerIdentities     map[string]string            `json:"partner_identities,omitempty"`
	SystemNotifications   []any                        `json:"system_notifications,omitempty"`
}

// Event is one of the batch's events.
type Event struct {
	Data      *Data  `json:"data,omitempty"`
	EventType string `json:"event_type"`
}

// Data is a flat union of what events of all types have.
type Data struct {
	EventID             string            `json:"event_id,omitempty"`
	SourceMessageID     *string           `json:"source_message_id,omitempty"`
	Timestamp           int64             `json:"timestamp_unixtime_ms,string,omitempty"`
	EventStart          int64             `json:"event_start_unixtime_ms,string,omitempty"`
	EventNum            *int              `json:"event_num,omitempty"`
	SessionID           string            `json:"session_id,omitempty"`
	SessionUUID         *string           `json:"session_uuid,omitempty"`
	SessionStart        int64             `json:"session_start_unixtime_ms,string,omitempty"`
	CustomEventType     string            `json:"custom_event_type,omitempty"`
	EventName           string            `json:"event_name,omitempty"`
	ScreenName          string            `json:"screen_name,omitempty"`
	ActivityType        string            `json:"activity_type,omitempty"`
	ProductAction       *ProductAction    `json:"product_action,omitempty"`
	CurrencyCode        string            `json:"currency_code,omitempty"`
	HTTPVerb            string            `json:"http_verb,omitempty"`
	URL                 string            `json:"url,omitempty"`
	TimeElapsed         *int64            `json:"time_elapsed,omitempty"`
	BytesIn             *int64            `json:"bytes_in,omitempty"`
	BytesOut            *int64            `json:"bytes_out,omitempty"`
	ResponseCode        *int              `json:"response_code,omitempty"`
	UserAttributeName   string            `json:"user_attribute_name,omitempty"`
	New                 any               `json:"new,omitempty"`
	Old                 any               `json:"old,omitempty"`
	Deleted             *bool             `json:"deleted,omitempty"`
	IsNewAttribute      *bool             `json:"is_new_attribute,omitempty"`
	SessionDuration     *int64            `json:"session_duration_ms,omitempty"`
	CustomAttributes    map[string]string `json:"custom_attributes,omitempty"`
	Location            *Location         `json:"location,omitempty"`
	DeviceCurrentState  *DeviceState      `json:"device_current_state,omitempty"`
	CustomFlags         map[string]any    `json:"custom_flags,omitempty"`
	IsGoalDefined       *bool             `json:"is_goal_defined,omitempty"`
	LifetimeValueChange *float64          `json:"lifetime_value_change,omitempty"`
	CanonicalName       *string           `json:"canonical_name,omitempty"`
}

// Identity is one of the user's identities.
type Identity struct {
	Type             string `json:"identity_type"`
	Identity         string `json:"identity"`
	Timestamp        int64  `json:"timestamp_unixtime_ms,string"`
	CreatedThisBatch bool   `json:"created_this_batch"`
}

// DeviceInfo describes the user's device.
type DeviceInfo struct {
	Brand                string  `json:"brand,omitempty"`
	Product              string  `json:"product,omitempty"`
	Device               string  `json:"device,omitempty"`
	DeviceModel          string  `json:"device_model,omitempty"`
	OSVersion            string  `json:"os_version,omitempty"`
	ScreenHeight         int     `json:"screen_height,omitempty"`
	ScreenWidth          int     `json:"screen_width,omitempty"`
	LocaleLanguage       string  `json:"locale_language,omitempty"`
	LocaleCountry        string  `json:"locale_country,omitempty"`
	NetworkCountry       *string `json:"network_country,omitempty"`
	NetworkCarrier       *string `json:"network_carrier,omitempty"`
	TimezoneOffset       *int    `json:"timezone_offset,omitempty"`
	Platform             string  `json:"platform,omitempty"`
	IsTablet             *bool   `json:"is_tablet,omitempty"`
	AndroidAdvertisingID string  `json:"android_advertising_id,omitempty"`
	UserAgent            *string `json:"http_header_user_agent,omitempty"`
}

// ApplicationInfo describes the application.
type ApplicationInfo struct {
	Name             string         `json:"application_name,omitempty"`
	Version          string         `json:"application_version,omitempty"`
	Package          string         `json:"package,omitempty"`
	InstallReferrer  string         `json:"install_referrer,omitempty"`
	OS               string         `json:"os,omitempty"`
	AppleSearchAdsBy map[string]any `json:"apple_search_ads_attributes,omitempty"`
}

// SourceInfo says where the batch came from.
type SourceInfo struct {
	Channel         string  `json:"channel,omitempty"`
	Partner         *string `json:"partner,omitempty"`
	ReplayRequestID *string `json:"replay_request_id,omitempty"`
	ReplayJobID     *string `json:"replay_job_id,omitempty"`
	IsHistorical    *bool   `json:"is_historical,omitempty"`
}

// Context holds the batch's data plan and location.
type Context struct {
	DataPlan *DataPlan `json:"data_plan,omitempty"`
	Location *Location `json:"location,omitempty"`
}

// DataPlan names the plan that the events follow.
type DataPlan struct {
	ID      string `json:"plan_id"`
	Version int    `json:"plan_version"`
}

// Location is a place on earth.
type Location struct {
	Latitude    float64 `json:"latitude"`
	Longitude   float64 `json:"longitude"`
	Accuracy    float64 `json:"accuracy"`
	CountryCode *string `json:"country_code,omitempty"`
}

// ProductAction is what a commerce event is about.
type ProductAction struct {
	Action        string   `json:"action"`
	TransactionID string   `json:"transaction_id"`
	TotalAmount   float64  `json:"total_amount"`
	TaxAmount     *float64 `json:"tax_amount,omitempty"`
}

// DeviceState is the state of the device at an event.
type DeviceState struct {
	BatteryLevel   float64 `json:"battery_level"`
	DataConnection string  `json:"data_connection_type"`
	GPSState       *string `json:"gps_state,omitempty"`
}
