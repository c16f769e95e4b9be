package settings_test

import (
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/eventferry/eventferry/settings"
)

// FuzzParse puts a password between two parts of a document: whatever they
// are, there is no panic, an error hides the password, and what is accepted is
// JSON to encoding/json too, prints as settings that read back, and validates
// without a panic.
func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{
		{`{`, `}`},
		{`{"topic_name":"events",`, `,"tls":{"ca_file":"f"},"delivery":{"linger":"5ms","max_message_bytes":1}}`},
		{`{"bootstrap_servers":["b1:9093"],"send_as_batch":null,`, `}`},
		{`{"delivery":{`, `}}`},
		{`{"user_name":"\u00fc","metadata_field_exclusion":["ip_address"],`, `,"user_name":1}`},
		{`[`, `]`}, {`{"user_name":"`, `"}`}, {``, ``}, {`{"x":{`, `}}`}, {"{\xff", "}\x00"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Contains(before+after, "hunter2") {
			t.Skip("the input has the password elsewhere too, where it may be shown")
		}
		data := []byte(before + `"password": "` + password + `"` + after)
		s, err := settings.Parse(data)
		if err != nil {
			assertHidden(t, err.Error())
			return
		}
		if !json.Valid(data) {
			t.Fatalf("accepted %q", data)
		}
		if s.Password.Reveal() != password {
			t.Fatalf("the password became %q", s.Password.Reveal())
		}
		if err := s.Validate(); err != nil {
			assertHidden(t, err.Error())
		}
		s.Password = settings.Secret{}
		printed, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := settings.Parse(printed)
		if err != nil || !again.Equal(s) {
			t.Fatalf("%s reads back as %+v: %v", printed, again, err)
		}
	})
}

// FuzzServers: servers that validate can be dialled, and each is as it was
// given.
func FuzzServers(f *testing.F) {
	for _, seed := range []string{"b1:9093", " b1:1 ,[::1]:2", "::1", "https://b1:1", "b1", "b1:0", ",", "a@b:1", "[fe80::1%x]:1", "b1:1;b2:1", "b1:1,", ",b1:1, ,b2:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		s := valid()
		s.BootstrapServers = given
		servers := s.Servers()
		if s.Validate() != nil {
			return
		}
		want := 0
		for part := range strings.SplitSeq(given, ",") {
			if strings.TrimSpace(part) != "" { // a comma too many is fine
				want++
			}
		}
		if len(servers) != want {
			t.Fatalf("%q has %d servers", given, len(servers))
		}
		for _, server := range servers {
			host, port, err := net.SplitHostPort(server)
			if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 || host == "" {
				t.Fatalf("%q of %q is no server", server, given)
			}
			if !strings.Contains(given, server) {
				t.Fatalf("%q is not in %q", server, given)
			}
		}
	})
}
