package settings

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Servers returns the bootstrap servers one by one, each as "host:port",
// without the spaces around them. Empty ones, as a comma too many makes them, are
// left out.
func (s Settings) Servers() []string {
	var servers []string
	for server := range strings.SplitSeq(s.BootstrapServers, ",") {
		if server = strings.TrimSpace(server); server != "" {
			servers = append(servers, server)
		}
	}
	return servers
}

// checkServers reports the mistakes in bootstrap_servers, but not that it is
// missing.
func (s Settings) checkServers() []*FieldError {
	const key = "bootstrap_servers"
	var m mistakes
	// The text before the @ of a URL often holds a password, and may hold a
	// comma, so the error shows none of it.
	if strings.ContainsRune(s.BootstrapServers, '@') {
		m.add(key, "", "must be host:port, without a user before an @: that is user_name and password")
		return m
	}
	for _, server := range s.Servers() {
		m.addReason(key, server, badServer(server))
	}
	return m
}

// badServer says what is wrong with one server.
func badServer(server string) string {
	if scheme, _, ok := strings.Cut(server, "://"); ok {
		return fmt.Sprintf("must be host:port, without %.20q: TLS is always on, and user_name turns SASL on", scheme+"://")
	}
	if strings.ContainsAny(server, " \t\r\n;") {
		return "must be one host:port: separate servers with commas"
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		if _, err := netip.ParseAddr(server); err == nil && strings.ContainsRune(server, ':') {
			return "must be [address]:port for an IPv6 address"
		}
		if !strings.ContainsRune(server, ':') || strings.HasSuffix(server, "]") {
			return "has no port: write host:port"
		}
		return "must be host:port, or [address]:port for an IPv6 address"
	}
	if !validHost(host) {
		return "must have a host name or an IP address before the port"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "must have a port from 1 to 65535"
	}
	return ""
}

// validHost reports whether host can be the name or address of a host. RFC 1123
// has no underscore, but container names do.
func validHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && onlyContains(host, "-._")
}

// onlyContains reports whether s consists of ASCII letters, digits and the bytes
// of others.
func onlyContains(s, others string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(others, c) >= 0:
		default:
			return false
		}
	}
	return true
}
