package auth

import (
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// replace returns a change of a message in which one attribute has another
// value.
func replace(name byte, change func(value string) string) func(string) string {
	return func(message string) string {
		parts := strings.Split(message, ",")
		for i, part := range parts {
			if part[0] == name {
				parts[i] = part[:2] + change(part[2:])
			}
		}
		return strings.Join(parts, ",")
	}
}

func to(value string) func(string) string       { return func(string) string { return value } }
func always(message string) func(string) string { return to(message) }

func TestSCRAM_refusesHostileServerFirst(t *testing.T) {
	honest := newServer(t, SHA512, "user", password, 4096)
	for name, c := range map[string]struct {
		change func(first string) string
		want   string
	}{
		"nonce of its own only":      {replace('r', to("zzz")), "does not continue ours"},
		"nonce shorter than ours":    {replace('r', func(r string) string { return r[:10] }), "does not continue ours"},
		"our nonce in the middle":    {replace('r', func(r string) string { return "x" + r }), "does not continue ours"},
		"our nonce and no more":      {func(f string) string { return ourNonce(f) }, "added no nonce"},
		"nonce that is not ASCII":    {replace('r', func(r string) string { return r + "\u00e9" }), "added no nonce"},
		"nonce with a space":         {replace('r', func(r string) string { return r + " " }), "added no nonce"},
		"1 iteration":                {replace('i', to("1")), "wants 1 iterations, which is fewer than 4096"},
		"4095 iterations":            {replace('i', to("4095")), "wants 4095 iterations, which is fewer than 4096"},
		"16385 iterations":           {replace('i', to("16385")), "more than 16384"},
		"2147483647 iterations":      {replace('i', to("2147483647")), "more than 16384"},
		"iterations out of range":    {replace('i', to("99999999999999999999")), "more than 16384"},
		"no iterations":              {replace('i', to("")), "not a positive number"},
		"0 iterations":               {replace('i', to("0")), "not a positive number"},
		"negative iterations":        {replace('i', to("-4096")), "not a positive number"},
		"signed iterations":          {replace('i', to("+4096")), "not a positive number"},
		"iterations after a 0":       {replace('i', to("04096")), "not a positive number"},
		"iterations in hexadecimal":  {replace('i', to("0x1000")), "not a positive number"},
		"iterations and a space":     {replace('i', to("4096 ")), "not a positive number"},
		"empty salt":                 {replace('s', to("")), "salt is empty"},
		"salt that is not base64":    {replace('s', to("!!!!")), "not base64"},
		"salt with loose ends":       {replace('s', to("QQ=")), "not base64"},
		"salt with hidden bits":      {replace('s', to("QR==")), "not base64"},
		"salt over two lines":        {replace('s', to("QUJD\nQUJD")), "not text"},
		"mandatory extension":        {func(f string) string { return "m=ext," + f }, "demands an unknown extension"},
		"late mandatory extension":   {func(f string) string { return f + ",m=ext" }, "demands an unknown extension"},
		"nonce twice":                {func(f string) string { return f + ",r=again" }, "says r= twice"},
		"salt twice":                 {func(f string) string { return f + ",s=QUJD" }, "says s= twice"},
		"iterations twice":           {func(f string) string { return f + ",i=1" }, "says i= twice"},
		"extension twice":            {func(f string) string { return f + ",x=1,x=2" }, "says x= twice"},
		"extension without value":    {func(f string) string { return f + ",x=" }, "has a misplaced x="},
		"an authorization identity":  {func(f string) string { return f + ",a=QUJD" }, "has a misplaced a="},
		"a proof":                    {func(f string) string { return f + ",p=QUJD" }, "has a misplaced p="},
		"salt first":                 {func(f string) string { return strings.Join(reorder(f, 1, 0, 2), ",") }, "not nonce, salt and iterations"},
		"another name for the nonce": {func(f string) string { return "x" + f[1:] }, "not nonce, salt and iterations"},
		"another name for the salt":  {func(f string) string { return strings.Replace(f, ",s=", ",x=", 1) }, "not nonce, salt and iterations"},
		"iterations missing":         {func(f string) string { return strings.Join(reorder(f, 0, 1), ",") }, "not nonce, salt and iterations"},
		"salt missing":               {func(f string) string { return strings.Join(reorder(f, 0, 2), ",") }, "not nonce, salt and iterations"},
		"nothing":                    {always(""), "malformed"},
		"a comma at the end":         {func(f string) string { return f + "," }, "malformed"},
		"an attribute without name":  {func(f string) string { return f + ",=x" }, "malformed"},
		"a name with two letters":    {func(f string) string { return f + ",xy=1" }, "malformed"},
		"a name that is no letter":   {func(f string) string { return f + ",1=1" }, "malformed"},
		"a name behind the letters":  {func(f string) string { return f + ",{=1" }, "malformed"},
		"a name before the letters":  {func(f string) string { return f + ",@=1" }, "malformed"},
		"a zero byte":                {func(f string) string { return f + ",x=\x00" }, "not text"},
		"invalid UTF-8":              {func(f string) string { return f + ",x=\xff" }, "not text"},
		"too long":                   {func(f string) string { return f + ",x=" + strings.Repeat("x", 4096) }, "too long"},
		"final without conversation": {always("v=AAAA"), "not nonce, salt and iterations"},
		"an error":                   {always("e=other-error"), `the server refused: "other-error"`},
		"an error of 64 bytes":       {always("e=" + strings.Repeat("long", 16)), `the server refused: "` + strings.Repeat("long", 16) + `"`},
		"a long error":               {always("e=" + strings.Repeat("long", 16) + "r"), "an error in an unknown form"},
		"an error of any text":       {always("e=Password hidden is wrong"), "an error in an unknown form"},
		"an error that is empty":     {always("e="), `the server refused: ""`},
	} {
		t.Run(name, func(t *testing.T) {
			s := user()
			hashes := count(t, s)
			client := connect(t, s)
			srv := honest
			srv.first = c.change
			sent, err := srv.authenticate(client)
			refused(t, client, err, c.want)
			assert.True(t, noProof(sent), "the proof was sent: %q", sent)
			assert.Zero(t, hashes.Load(), "a key was derived")
		})
	}
}

func TestSCRAM_refusesHostileServerFinal(t *testing.T) {
	honest := newServer(t, SHA512, "user", password, 4096)
	const unproven = "did not prove that it knows the password"
	for name, c := range map[string]struct {
		change func(final string) string
		want   string
	}{
		"wrong signature":         {always("v=" + strings.Repeat("A", 86) + "=="), unproven},
		"signature cut short":     {replace('v', func(v string) string { return v[:32] }), unproven},
		"signature and more":      {replace('v', func(v string) string { return strings.TrimRight(v, "=") + "AA" }), unproven},
		"no signature":            {always("v="), unproven},
		"signature not base64":    {always("v=!!!!"), unproven},
		"nothing":                 {always(""), "malformed"},
		"no message":              {always("ok"), "malformed"},
		"something else":          {always("x=1"), unproven},
		"server's first again":    {always("r=abc,s=QUJD,i=4096"), unproven},
		"signature after another": {func(f string) string { return "x=1," + f }, unproven},
		"signature twice":         {func(f string) string { return f + "," + f }, "says v= twice"},
		"mandatory extension":     {func(f string) string { return f + ",m=1" }, "demands an unknown extension"},
		"error":                   {always("e=invalid-proof"), `the server refused: "invalid-proof"`},
		"a proof behind it":       {func(f string) string { return f + ",p=QUJD" }, "has a misplaced p="},
		"signature and error":     {func(f string) string { return f + ",e=other-error" }, `the server refused: "other-error"`},
		"two lines of error":      {always("e=one\ntwo"), "not text"},
	} {
		t.Run(name, func(t *testing.T) {
			s := user()
			client := connect(t, s)
			srv := honest
			srv.final = c.change
			sent, err := srv.authenticate(client)
			refused(t, client, err, c.want)
			assert.False(t, noProof(sent), "refused too early")
		})
	}
}

// Optional extensions change nothing, says RFC 5802.
func TestSCRAM_ignoresOptionalExtensions(t *testing.T) {
	// x= is part of what both sign, so a server that does not know it fails.
	_, err := parseServerFirst("r=ourstheirs,s=QUJD,i=4096,x=1,Y=\u00e9=", "ours")
	assert.NoError(t, err)
	s := user()
	client := connect(t, s)
	srv := newServer(t, SHA512, "user", password, 4096)
	srv.final = func(f string) string { return f + ",x=1" }
	_, err = srv.authenticate(client)
	assert.NoError(t, err)
	assert.True(t, client.Done())
}

// TestParseServer_bounds holds what the conversation refuses in other words, or
// what scram would refuse behind it.
func TestParseServer_bounds(t *testing.T) {
	const first = "r=ours!~,s=QUJD,i=4096"
	_, err := parseServerFirst(first, "ours")
	assert.NoError(t, err, "the first and the last printable character")
	longest := first + ",x=" + strings.Repeat("x", maxServerMessage-len(first+",x="))
	_, err = parseServerFirst(longest, "ours")
	assert.NoError(t, err, "the longest message")
	_, err = parseServerFirst(longest+"x", "ours")
	assert.ErrorContains(t, err, "too long")

	assert.NoError(t, parseServerFinal("v=QUJD"))
	assert.ErrorIs(t, parseServerFinal("x=QUJD"), errSignature)
}

// refused checks an error of client, and that nothing goes on after it.
func refused(t *testing.T, client *conversation, err error, want string) {
	t.Helper()
	require.Error(t, err)
	assert.ErrorContains(t, err, "auth: SCRAM-SHA-512: ")
	assert.ErrorContains(t, err, want)
	assert.NotContains(t, err.Error(), password)
	assert.Less(t, len(err.Error()), 200, "the server fills our log")
	var broker sarama.KError
	require.ErrorAs(t, err, &broker, "Sarama tries others again")
	assert.Equal(t, sarama.ErrSASLAuthenticationFailed, broker)

	assert.False(t, client.Done())
	response, err := client.Step("v=AAAA")
	assert.ErrorContains(t, err, "not under way")
	assert.Empty(t, response)
}

func ourNonce(first string) string {
	nonce, rest, _ := strings.Cut(first, ",")
	const ours = len("r=") + 32 // base64 of 24 bytes
	return nonce[:ours] + "," + rest
}

func reorder(message string, order ...int) []string {
	parts := strings.Split(message, ",")
	var out []string
	for _, i := range order {
		out = append(out, parts[i])
	}
	return out
}
