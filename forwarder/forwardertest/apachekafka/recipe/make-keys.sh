# A CA for tests, and the broker's key store and trust store.
host=localhost

keytool -genkeypair -alias ca -dname CN=kafka-test-ca -keyalg RSA -keysize 2048 -validity 3650 -ext bc:c -ext ku=keyCertSign \
  -keystore ca.jks -storetype JKS -storepass your-ca-password -keypass your-ca-password
keytool -exportcert -rfc -alias ca -keystore ca.jks -storepass your-ca-password -file ca.pem

keytool -genkeypair -alias broker -dname CN=$host -keyalg RSA -keysize 2048 -validity 365 \
  -keystore broker.keystore.jks -storetype JKS -storepass your-keystore-password -keypass your-key-password
keytool -certreq -alias broker -file broker.csr \
  -keystore broker.keystore.jks -storepass your-keystore-password -keypass your-key-password
keytool -gencert -rfc -alias ca -ext san=dns:$host -validity 365 -infile broker.csr -outfile broker.pem \
  -keystore ca.jks -storepass your-ca-password
keytool -importcert -noprompt -alias ca -file ca.pem \
  -keystore broker.keystore.jks -storepass your-keystore-password
keytool -importcert -alias broker -file broker.pem \
  -keystore broker.keystore.jks -storepass your-keystore-password -keypass your-key-password

keytool -importcert -noprompt -alias ca -file ca.pem \
  -keystore broker.truststore.jks -storetype JKS -storepass your-truststore-password
