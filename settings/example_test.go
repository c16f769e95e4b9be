package settings_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/eventferry/eventferry/settings"
)

func ExampleParse() {
	s, err := settings.Parse([]byte(`{
		"bootstrap_servers": ["b1.example.com:9093", "b2.example.com:9093"],
		"topic_name": "events",
		"authentication_method": "SCRAM-SHA-512",
		"user_name": "mparticle",
		"password_file": "/run/secrets/kafka-password",
		"include_location_information": false
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	s = s.WithDefaults()
	fmt.Println(s.Servers())
	fmt.Println(s.IncludeLocationInformation, s.IncludeMetadata, s.Delivery.Compression)
	// Output:
	// [b1.example.com:9093 b2.example.com:9093]
	// off on zstd
}

func ExampleParse_unknownKey() {
	_, err := settings.Parse([]byte(`{"topicName": "events", "sendAsBatch": "yes"}`))
	fmt.Println(err)
	// Output:
	// settings: topicName: is an unknown key: is it topic_name?
	// settings: sendAsBatch: is an unknown key: is it send_as_batch?
}

func ExampleSettings_SetFromEnv() {
	env := map[string]string{
		"EVENTFERRY_TOPIC_NAME":               "events",
		"EVENTFERRY_METADATA_FIELD_EXCLUSION": "device_name, ip_address",
		"EVENTFERRY_SEND_AS_BATCH":            "False",
		"EVENTFERRY_DELIVERY_LINGER":          "5ms",
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok } // os.LookupEnv in a program
	s := settings.Settings{TopicName: "from a file"}
	if err := s.SetFromEnv(lookup); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.TopicName, s.MetadataFieldExclusion, s.SendAsBatch, s.Delivery.Linger)
	// Output:
	// events [device_name ip_address] off 5ms
}

func ExampleUnknown() {
	environ := []string{ // os.Environ() in a program
		"EVENTFERRY_TOPIC_NAME=events", "EVENTFERRY_INCLUDE_LOCATION=false", "EVENTFERRY_CA_FILE=ca.pem", "PATH=/bin",
	}
	for _, v := range settings.Unknown(environ) {
		fmt.Println(v)
	}
	// Output:
	// EVENTFERRY_INCLUDE_LOCATION: do you mean EVENTFERRY_INCLUDE_LOCATION_INFORMATION?
	// EVENTFERRY_CA_FILE: do you mean EVENTFERRY_TLS_CA_FILE?
}

func ExampleSettings_Validate() {
	err := settings.Settings{
		BootstrapServers:     "SASL_SSL://b1.example.com:9093, b2.example.com",
		AuthenticationMethod: settings.SCRAMSHA512,
	}.Validate()
	fmt.Println(err)

	var first *settings.FieldError
	fmt.Println(errors.As(err, &first), first.Field)
	// Output:
	// settings: topic_name: is required
	// settings: bootstrap_servers "SASL_SSL://b1.example.com:9093": must be host:port, without "SASL_SSL://": TLS is always on, and user_name turns SASL on
	// settings: bootstrap_servers "b2.example.com": has no port: write host:port
	// settings: user_name: is required with authentication_method SCRAM-SHA-512
	// true topic_name
}

func ExampleSecret() {
	s := settings.Settings{UserName: "mparticle", Password: settings.NewSecret("hunter2")}
	fmt.Printf("%v %q %#v\n", s.Password, s.Password, s.Password)
	data, _ := json.Marshal(s)
	fmt.Println(string(data))
	fmt.Println(s.Password.Reveal())
	// Output:
	// [redacted] [redacted] [redacted]
	// {"password":"[redacted]","user_name":"mparticle"}
	// hunter2
}
