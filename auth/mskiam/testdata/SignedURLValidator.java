import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerExtensionsValidatorCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallback;

// Judges tokens of Amazon MSK's IAM in an Apache Kafka: host, action, time and
// signature (AWS Signature Version 4, in a query). It knows one access key.
public class SignedURLValidator implements AuthenticateCallbackHandler {
    private static final String HOST = "kafka.eu-west-1.amazonaws.com";
    private static final String ACTION = "kafka-cluster:Connect";
    private static final String KEY_ID = "AKIAVALIDATED";
    private static final String SECRET = "hidden-secret";
    private static final String EMPTY_BODY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    @Override
    public void configure(Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) { }

    @Override
    public void close() { }

    @Override
    public void handle(Callback[] callbacks) throws IOException, UnsupportedCallbackException {
        for (Callback c : callbacks) {
            if (c instanceof OAuthBearerValidatorCallback) {
                judge((OAuthBearerValidatorCallback) c);
            } else if (!(c instanceof OAuthBearerExtensionsValidatorCallback)) {
                throw new UnsupportedCallbackException(c);
            }
        }
    }

    private void judge(OAuthBearerValidatorCallback c) throws IOException {
        Map<String, String> raw = new TreeMap<>();
        Instant signed, until;
        try {
            URI url = URI.create(new String(Base64.getUrlDecoder().decode(c.tokenValue()), StandardCharsets.UTF_8));
            for (String pair : url.getRawQuery().split("&")) {
                String[] parts = pair.split("=", 2);
                raw.put(parts[0], parts[1]);
            }
            String date = value(raw, "X-Amz-Date");
            signed = LocalDateTime.parse(date, DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'")).toInstant(ZoneOffset.UTC);
            until = signed.plusSeconds(Long.parseLong(value(raw, "X-Amz-Expires")));
            boolean good = "https".equals(url.getScheme()) && HOST.equals(url.getHost()) && "/".equals(url.getPath())
                && signature(raw, date).equals(value(raw, "X-Amz-Signature"));
            if (!good || Instant.now().isAfter(until) || Instant.now().isBefore(signed.minusSeconds(60))) {
                c.error("invalid_token", null, null);
                return;
            }
        } catch (RuntimeException | GeneralSecurityException e) {
            c.error("invalid_token", null, null);
            return;
        }
        if (!ACTION.equals(value(raw, "Action"))) {
            c.error("insufficient_scope", ACTION, null);
            return;
        }
        c.token(new Judged(c.tokenValue(), signed.toEpochMilli(), until.toEpochMilli()));
    }

    private static String value(Map<String, String> raw, String name) {
        return URLDecoder.decode(raw.getOrDefault(name, ""), StandardCharsets.UTF_8);
    }

    // The signature that the owner of the secret gives to a query.
    private static String signature(Map<String, String> raw, String date) throws GeneralSecurityException {
        String[] scope = value(raw, "X-Amz-Credential").split("/");
        if (scope.length != 5 || !scope[0].equals(KEY_ID)) {
            return "";
        }
        String query = raw.entrySet().stream()
            .filter(e -> !e.getKey().equals("X-Amz-Signature") && !e.getKey().equals("User-Agent"))
            .map(e -> e.getKey() + "=" + e.getValue()).collect(Collectors.joining("&"));
        String request = String.join("\n", "GET", "/", query, "host:" + HOST, "", "host", EMPTY_BODY);
        String digest = hex(MessageDigest.getInstance("SHA-256").digest(request.getBytes(StandardCharsets.UTF_8)));
        String rest = String.join("/", Arrays.copyOfRange(scope, 1, scope.length));
        byte[] key = ("AWS4" + SECRET).getBytes(StandardCharsets.UTF_8);
        for (String part : rest.split("/")) {
            key = mac(key, part);
        }
        return hex(mac(key, String.join("\n", "AWS4-HMAC-SHA256", date, rest, digest)));
    }

    private static byte[] mac(byte[] key, String text) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    private static class Judged implements OAuthBearerToken {
        private final String value;
        private final long signed, until;

        Judged(String value, long signed, long until) {
            this.value = value;
            this.signed = signed;
            this.until = until;
        }

        @Override
        public String value() { return value; }

        @Override
        public Set<String> scope() { return Set.of(ACTION); }

        @Override
        public long lifetimeMs() { return until; }

        @Override
        public String principalName() { return KEY_ID; }

        @Override
        public Long startTimeMs() { return signed; }
    }
}
