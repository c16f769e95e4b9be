package settings

// Settings say which brokers and topic batches go to, which parts of them are
// left out, and how they are delivered. It is plain data: copy it freely.
//
// The zero value of every field means its documented default, so a program sets
// only the fields it wants to change. [Settings.Validate] reports mistakes,
// [Settings.WithDefaults] fills the defaults in. The tags are the keys of
// [Parse]; [Settings.SetFromEnv] says how they name environment variables.
type Settings struct {
	// The brokers to ask for the cluster first, as "host:port,host:port". One
	// reachable server suffices, in any order: all brokers of the cluster are
	// discovered and used. In JSON also a list of strings.
	//
	// The port is required, spaces around a comma and a comma too many are fine,
	// an IPv6 address stands in brackets.
	//
	// Page: Apache Kafka Bootstrap Servers. Required.
	BootstrapServers string `json:"bootstrap_servers"`

	// The topic that gets the messages. It must exist: the library never creates
	// it. With forwarder.NewRoutes it is left out, as the routes name the topics.
	//
	// Page: Topic Name. Required.
	TopicName string `json:"topic_name"`

	// The SASL mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. SCRAM without a
	// user name is a mistake; PLAIN without one means TLS without SASL.
	//
	// Page: Authentication Method. Default: PLAIN.
	AuthenticationMethod Method `json:"authentication_method"`

	// The user to authenticate as. Unset means TLS without SASL. For SCRAM it
	// must be ASCII, since Kafka refuses any other.
	//
	// Page: User Name. Default: unset.
	UserName string `json:"user_name"`

	// The user's password. It requires a user name.
	//
	// Page: Password. Default: unset.
	Password Secret `json:"password"`

	// A file that holds the password, instead of password. A final line ending is
	// not part of the password. Each connection reads the file anew.
	//
	// All else is part of it: a second line, blanks, a byte order mark. A refusal
	// names those.
	//
	// Beyond the page: Password File. Default: unset.
	PasswordFile string `json:"password_file"`

	// Text to set as the member unique_id of every message, replacing any other.
	// Unset leaves the member as it came. Other ids, such as
	// application_info.package, never change.
	//
	// Page: Unique ID. Default: unset.
	UniqueID string `json:"unique_id"`

	// Members to remove from every message: device_name is the member device
	// of device_info, ip_address the member ip of the batch.
	//
	// Page: Metadata Field Exclusion. Default: none.
	MetadataFieldExclusion []MetadataField `json:"metadata_field_exclusion"`

	// Whether events of type network_performance are sent. Off drops them.
	//
	// Page: Send Network Performance Events. Default: true.
	SendNetworkPerformanceEvents Toggle `json:"send_network_performance_events"`

	// Whether a batch is one message. Off makes it one message per event, in
	// order, each with everything else of the batch and one element in events;
	// a batch without events is one message. For the other way round, the events of a
	// device's batches of ten minutes in one message, see spool.window.
	//
	// Page: Send as Batch. Default: true.
	SendAsBatch Toggle `json:"send_as_batch"`

	// Whether events keep their location. Off removes the member location of
	// the data of each event, and of the breadcrumbs within a crash report. Data
	// that is no object, which mParticle does not write, stays as it is. The
	// location of the batch has a setting of its own.
	//
	// Page: Include Location Information. Default: true.
	IncludeLocationInformation Toggle `json:"include_location_information"`

	// Whether messages describe their origin. Off removes the members
	// application_info, device_info and source_info.
	//
	// Page: Include Metadata. Default: true.
	IncludeMetadata Toggle `json:"include_metadata"`

	// Whether events of type user_attribute_change are sent. Off drops them;
	// the member user_attributes stays.
	//
	// Page: Include User Attribute Change Events. Default: false.
	IncludeUserAttributeChangeEvents Toggle `json:"include_user_attribute_change_events"`

	// Whether events of type user_identity_change are sent. Off drops them; the
	// member user_identities stays.
	//
	// Page: Include User Identity Change Events. Default: false.
	IncludeUserIdentityChangeEvents Toggle `json:"include_user_identity_change_events"`

	// Whether a batch without events is sent, also when filtering left none. Off
	// drops it.
	//
	// Page: Send Batches without Events. Default: true.
	SendBatchesWithoutEvents Toggle `json:"send_batches_without_events"`

	// Whether messages keep the device id. Off removes the member mp_deviceid.
	//
	// Page: Include MP DeviceId. Default: false.
	IncludeMPDeviceID Toggle `json:"include_mp_device_id"`

	// Whether messages keep the location of the batch. Off removes the member
	// location of context; the rest of context stays, empty or not, and so does
	// a context that is no object.
	//
	// Page: Include Event Batch Location. Default: false.
	IncludeEventBatchLocation Toggle `json:"include_event_batch_location"`

	// Filters that run before those of the program, in this order: a list of objects
	// with one member each, such as [{"environment": ["production"]}]. A variable
	// holds the same JSON text. Package forwarder/filters lists the filters; one that
	// cannot be built is an error of forwarder.New.
	//
	// Beyond the page: Filters. Default: none.
	Filters FilterList `json:"filters"`

	// The verification of brokers, and the client certificate. TLS is always on.
	TLS TLS `json:"tls"`

	// The delivery of messages.
	Delivery Delivery `json:"delivery"`

	// The queue on disk, if there is one.
	Spool Spool `json:"spool"`

	fromEnv bool // SetFromEnv was used: errors name variables that are missing
}

// A Method is a SASL mechanism, by the name it has there.
type Method string

// The mechanisms of mParticle's page. Each runs only inside verified TLS, and
// none falls back to another.
const (
	// Plain sends user name and password to the broker (RFC 4616).
	Plain Method = "PLAIN"
	// SCRAMSHA256 proves the password without sending it, and makes the broker
	// prove that it knows it too (RFC 5802, RFC 7677).
	SCRAMSHA256 Method = "SCRAM-SHA-256"
	// SCRAMSHA512 is SCRAMSHA256 with a longer hash.
	SCRAMSHA512 Method = "SCRAM-SHA-512"
)

// A MetadataField is a part of a batch to leave out.
type MetadataField string

// The elements of [Settings.MetadataFieldExclusion].
const (
	// DeviceName is the member device of device_info, such as "Ann's phone".
	DeviceName MetadataField = "device_name"
	// IPAddress is the member ip of the batch.
	IPAddress MetadataField = "ip_address"
)
