package forwarder

// The types below are what a program would write that decodes batches with
// encoding/json: structs for what has a fixed shape, maps where users choose
// the names, pointers where null and absent differ from zero.

type plainBatch struct {
	Events                []plainEvent            `json:"events"`
	DeviceInfo            *plainDevice            `json:"device_info,omitempty"`
	ApplicationInfo       *plainApplication       `json:"application_info,omitempty"`
	UserAttributes        map[string]any          `json:"user_attributes,omitempty"`
	DeletedUserAttributes []string                `json:"deleted_user_attributes,omitempty"`
	UserIdentities        []plainIdentity         `json:"user_identities,omitempty"`
	Environment           string                  `json:"environment,omitempty"`
	MPID                  int64                   `json:"mpid"`
	IP                    string                  `json:"ip,omitempty"`
	MPDeviceID            string                  `json:"mp_deviceid,omitempty"`
	Context               *plainContext           `json:"context,omitempty"`
	ConsentState          *plainConsent           `json:"consent_state,omitempty"`
	SourceInfo            *plainSource            `json:"source_info,omitempty"`
	IntegrationAttributes map[string]plainStrings `json:"integration_attributes,omitempty"`
	PartnerIdentities     plainStrings            `json:"partner_identities,omitempty"`
	SystemNotifications   []map[string]any        `json:"system_notifications,omitempty"`
	AttributionInfo       *plainAttribution       `json:"attribution_info,omitempty"`
	SchemaVersion         int                     `json:"schema_version"`
	BatchID               int64                   `json:"batch_id,string"`
	MessageID             string                  `json:"message_id,omitempty"`
	MessageType           string                  `json:"message_type,omitempty"`
	SourceRequestID       *string                 `json:"source_request_id,omitempty"`
	TimestampUnixtimeMs   int64                   `json:"timestamp_unixtime_ms,string"`
	UniqueID              string                  `json:"unique_id,omitempty"`
}

type plainStrings map[string]string

type plainEvent struct {
	Data      plainData `json:"data"`
	EventType string    `json:"event_type"`
}

// plainData is the union of what events of all types have.
type plainData struct {
	EventName              string         `json:"event_name,omitempty"`
	CustomEventType        string         `json:"custom_event_type,omitempty"`
	CustomFlags            map[string]any `json:"custom_flags,omitempty"`
	ScreenName             *string        `json:"screen_name,omitempty"`
	ActivityType           string         `json:"activity_type,omitempty"`
	CurrencyCode           string         `json:"currency_code,omitempty"`
	PromotionAction        map[string]any `json:"promotion_action,omitempty"`
	ProductAction          *plainAction   `json:"product_action,omitempty"`
	UserAttributeName      string         `json:"user_attribute_name,omitempty"`
	New                    any            `json:"new,omitempty"`
	Old                    any            `json:"old,omitempty"`
	Deleted                *bool          `json:"deleted,omitempty"`
	IsNewAttribute         *bool          `json:"is_new_attribute,omitempty"`
	CustomAttributes       map[string]any `json:"custom_attributes,omitempty"`
	EventNum               *int           `json:"event_num,omitempty"`
	ViewController         *string        `json:"view_controller,omitempty"`
	IsMainThread           *bool          `json:"is_main_thread,omitempty"`
	CanonicalName          *string        `json:"canonical_name,omitempty"`
	IsGoalDefined          *bool          `json:"is_goal_defined,omitempty"`
	SourceMessageID        *string        `json:"source_message_id,omitempty"`
	Location               *plainLocation `json:"location,omitempty"`
	EventID                int64          `json:"event_id,string"`
	TimestampUnixtimeMs    int64          `json:"timestamp_unixtime_ms,string"`
	EventStartUnixtimeMs   int64          `json:"event_start_unixtime_ms,string"`
	SessionID              int64          `json:"session_id,string"`
	SessionStartUnixtimeMs int64          `json:"session_start_unixtime_ms,string"`
	SessionUUID            string         `json:"session_uuid,omitempty"`
	PageURL                *string        `json:"page_url,omitempty"`
	DataConnectionType     string         `json:"data_connection_type,omitempty"`
}

type plainAction struct {
	Action      string         `json:"action"`
	TotalAmount float64        `json:"total_amount"`
	Products    []plainProduct `json:"products,omitempty"`
}

type plainProduct struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Price    float64 `json:"price"`
	Quantity float64 `json:"quantity"`
}

type plainLocation struct {
	Latitude  float64  `json:"latitude"`
	Longitude float64  `json:"longitude"`
	Accuracy  *float64 `json:"accuracy,omitempty"`
}

type plainDevice struct {
	Brand              string `json:"brand,omitempty"`
	Product            string `json:"product,omitempty"`
	Device             string `json:"device,omitempty"`
	DeviceManufacturer string `json:"device_manufacturer,omitempty"`
	Platform           string `json:"platform,omitempty"`
	OSVersion          string `json:"os_version,omitempty"`
	DeviceModel        string `json:"device_model,omitempty"`
	ScreenHeight       int    `json:"screen_height"`
	ScreenWidth        int    `json:"screen_width"`
	ScreenDPI          int    `json:"screen_dpi"`
	DeviceCountry      string `json:"device_country,omitempty"`
	LocaleLanguage     string `json:"locale_language,omitempty"`
	LocaleCountry      string `json:"locale_country,omitempty"`
	NetworkCountry     string `json:"network_country,omitempty"`
	NetworkCarrier     string `json:"network_carrier,omitempty"`
	NetworkCode        string `json:"network_code,omitempty"`
	TimezoneOffset     int    `json:"timezone_offset"`
	AndroidUUID        string `json:"android_uuid,omitempty"`
	IsTablet           bool   `json:"is_tablet"`
	IsDST              bool   `json:"is_dst"`
	PushToken          string `json:"push_token,omitempty"`
}

type plainApplication struct {
	ApplicationName    string `json:"application_name,omitempty"`
	ApplicationVersion string `json:"application_version,omitempty"`
	Package            string `json:"package,omitempty"`
	SDKVersion         string `json:"sdk_version,omitempty"`
	OS                 string `json:"os,omitempty"`
}

type plainIdentity struct {
	IdentityType        string `json:"identity_type"`
	Identity            string `json:"identity"`
	TimestampUnixtimeMs int64  `json:"timestamp_unixtime_ms,string"`
}

type plainContext struct {
	DataPlan *struct {
		PlanID      string `json:"plan_id"`
		PlanVersion int    `json:"plan_version"`
	} `json:"data_plan,omitempty"`
	Location *plainLocation `json:"location,omitempty"`
}

type plainConsent struct {
	GDPR map[string]struct {
		Consented           bool   `json:"consented"`
		Document            string `json:"document,omitempty"`
		TimestampUnixtimeMs int64  `json:"timestamp_unixtime_ms,string"`
		Location            string `json:"location,omitempty"`
	} `json:"gdpr,omitempty"`
}

type plainSource struct {
	Channel         string  `json:"channel"`
	Partner         *string `json:"partner,omitempty"`
	ReplayRequestID *string `json:"replay_request_id,omitempty"`
	ReplayJobID     *string `json:"replay_job_id,omitempty"`
	IsHistorical    bool    `json:"is_historical"`
}

type plainAttribution struct {
	ServiceProvider string `json:"service_provider"`
	Publisher       string `json:"publisher"`
	Campaign        string `json:"campaign"`
}
