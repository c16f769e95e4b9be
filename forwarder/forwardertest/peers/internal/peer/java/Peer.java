import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The Java producer as a contender. It reads jobs from standard input, one JSON object a line, and
 * writes a report for each to standard output. It lives for many jobs so that its code is compiled
 * once, not in each of them.
 */
public final class Peer {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws IOException {
        PrintStream out = System.out;
        System.setOut(System.err); // nothing but reports may get between the lines
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode report = JSON.createObjectNode();
            try {
                new Peer(JSON.readTree(line)).run(report);
            } catch (Throwable t) { // out of memory is an answer, too
                report.put("error", t.toString());
            }
            out.println(JSON.writeValueAsString(report));
            out.flush();
        }
    }

    private final JsonNode job;
    private final String topic;
    private final int callers;
    private final int group;
    private final boolean pipeline;

    private KafkaProducer<byte[], byte[]> producer;
    private volatile boolean stopped;
    private final CountDownLatch failed = new CountDownLatch(1);
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    private final AtomicLong acknowledged = new AtomicLong();
    private volatile boolean measuring;
    private final Latencies latencies = new Latencies();

    private Peer(JsonNode job) {
        this.job = job;
        topic = job.path("topic").asText();
        callers = job.path("callers").asInt();
        group = job.path("group").asInt();
        pipeline = job.path("pipeline").asBoolean();
    }

    private void run(ObjectNode report) throws Exception {
        List<Entry> pool = load(job.path("pool").asText());
        if (callers < 1 || group < 1 || callers * group > pool.size()) {
            throw new IllegalArgumentException(
                    callers + " callers with " + group + " messages each do not fit a pool of " + pool.size());
        }
        forget();
        producer = new KafkaProducer<>(properties(), new ByteArraySerializer(), new ByteArraySerializer());
        List<Thread> threads = new ArrayList<>();
        try {
            start(threads, pool);
            measure(report);
            stopped = true;
            for (Thread t : threads) {
                if (failure.get() == null) {
                    t.join();
                }
            }
        } finally {
            stopped = true;
            // After a failure what is out is given up, which also frees those who wait for it.
            producer.close(failure.get() == null ? Duration.ofMinutes(1) : Duration.ZERO);
        }
        for (Thread t : threads) {
            t.join();
        }
        report.put("sent", acknowledged.get());
        if (failure.get() != null) {
            report.put("error", failure.get().toString());
            return;
        }
        if (report.path("messages").asLong() == 0) {
            report.put("error", "nothing was acknowledged in the measured time");
        }
        // The producer's own thread wrote them and has ended.
        latencies.report(report);
        report.put("peak_kib", peakKiB());
    }

    private void start(List<Thread> threads, List<Entry> pool) {
        if (pipeline) {
            threads.add(new Thread(new Pipeline(pool.subList(0, callers * group)), "pipeline"));
        } else {
            int each = pool.size() / callers;
            for (int i = 0; i < callers; i++) {
                threads.add(new Thread(new Caller(pool.subList(i * each, (i + 1) * each)), "caller-" + i));
            }
        }
        threads.forEach(Thread::start);
    }

    private static final int OFTEN_MS = 5;
    private static final int CONNECT_MS = 20_000;
    private static final int WAVES = 10; // see Waves in job.go
    private static final int MAX_MEASURE_MS = 3000;

    /** Returns early after a failure. */
    private void measure(ObjectNode report) throws InterruptedException {
        // How long it takes to connect is not what is measured.
        for (int waited = 0; acknowledged.get() == 0 && waited < CONNECT_MS; waited += OFTEN_MS) {
            if (failed.await(OFTEN_MS, TimeUnit.MILLISECONDS)) {
                return;
            }
        }
        if (failed.await(job.path("warm_ms").asLong(), TimeUnit.MILLISECONDS)) {
            return;
        }
        Mark from = new Mark();
        measuring = true;
        long waited = job.path("measure_ms").asLong();
        if (failed.await(waited, TimeUnit.MILLISECONDS)) {
            return;
        }
        for (; acknowledged.get() - from.messages < (long) WAVES * callers * group && waited < MAX_MEASURE_MS; waited += OFTEN_MS) {
            if (failed.await(OFTEN_MS, TimeUnit.MILLISECONDS)) {
                return;
            }
        }
        measuring = false;
        Mark to = new Mark();
        long messages = to.messages - from.messages;
        report.put("messages", messages);
        report.put("seconds", (to.nanos - from.nanos) / 1e9);
        if (messages > 0) {
            report.put("cpu_us", (to.cpu - from.cpu) / 1e3 / messages);
            report.put("alloc_bytes", (double) (to.allocated - from.allocated) / messages);
        }
    }

    private void fail(Throwable t) {
        failure.compareAndSet(null, t);
        stopped = true;
        failed.countDown();
    }

    private Properties properties() {
        Properties p = new Properties();
        p.put("bootstrap.servers", job.path("servers").asText());
        p.put("security.protocol", "SASL_SSL");
        p.put("sasl.mechanism", "SCRAM-SHA-512");
        p.put("sasl.jaas.config", "org.apache.kafka.common.security.scram.ScramLoginModule required username="
                + quoted(job.path("user").asText()) + " password=" + quoted(job.path("password").asText()) + ";");
        p.put("ssl.truststore.type", "PEM");
        p.put("ssl.truststore.location", job.path("ca_file").asText());
        p.put("acks", "all");
        p.put("enable.idempotence", "true");
        String codec = job.path("codec").asText();
        p.put("compression.type", codec);
        if (codec.equals("zstd")) {
            p.put("compression.zstd.level", "1");
        }
        p.put("linger.ms", "5");
        p.put("batch.size", "1000000"); // as the others have it
        p.put("buffer.memory", "268435456");
        p.put("max.request.size", "8388608");
        return p;
    }

    private static String quoted(String s) {
        return '"' + s.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    /** A message of the pool. The producer copies it in send, so it may be the same array each time. */
    private static final class Entry {
        private static final int DIGITS = 20;

        final byte[] key;
        final byte[] value;
        private final int at; // where the number begins
        private long number;
        long handedOver; // pipeline only

        Entry(byte[] key, byte[] value, int at) {
            this.key = key;
            this.value = value;
            this.at = at;
        }

        void next() {
            long n = ++number;
            for (int i = at + DIGITS - 1; i >= at; i--) {
                value[i] = (byte) ('0' + n % 10);
                n /= 10;
            }
        }
    }

    private static List<Entry> load(String path) throws IOException {
        List<Entry> pool = new ArrayList<>();
        try (DataInputStream in =
                new DataInputStream(new BufferedInputStream(Files.newInputStream(Path.of(path)), 1 << 16))) {
            while (true) {
                int key;
                try {
                    key = in.readInt();
                } catch (EOFException end) {
                    return pool;
                }
                int input = in.readInt();
                int value = in.readInt();
                in.readInt(); // where the number is in the input, which this contender does not use
                int at = in.readInt();
                byte[] k = new byte[key];
                in.readFully(k);
                in.skipNBytes(input);
                byte[] v = new byte[value];
                in.readFully(v);
                pool.add(new Entry(k, v, at));
            }
        }
    }

    /** Sends a group of its entries at a time and waits until all of it is acknowledged. */
    private final class Caller implements Runnable, Callback {
        private final List<Entry> entries;
        private final AtomicInteger left = new AtomicInteger();
        private final Semaphore done = new Semaphore(0);
        private long handedOver;

        Caller(List<Entry> entries) {
            this.entries = entries;
        }

        @Override
        public void run() {
            try {
                for (int at = 0; !stopped; ) {
                    for (int i = 0; i < group; i++) {
                        entries.get((at + i) % entries.size()).next();
                    }
                    left.set(group);
                    handedOver = System.nanoTime();
                    for (int i = 0; i < group; i++) {
                        Entry e = entries.get((at + i) % entries.size());
                        producer.send(new ProducerRecord<>(topic, e.key, e.value), this);
                    }
                    done.acquire();
                    if (measuring) {
                        latencies.add(System.nanoTime() - handedOver);
                    }
                    at = (at + group) % entries.size();
                }
            } catch (Throwable t) {
                fail(t);
            }
        }

        @Override
        public void onCompletion(RecordMetadata metadata, Exception e) {
            if (e != null) {
                fail(e);
            } else {
                acknowledged.incrementAndGet();
            }
            if (left.decrementAndGet() == 0) {
                done.release();
            }
        }
    }

    /** Sends whatever is not out, without waiting for what is. */
    private final class Pipeline implements Runnable {
        private final ArrayBlockingQueue<Entry> free;

        Pipeline(List<Entry> entries) {
            free = new ArrayBlockingQueue<>(entries.size(), false, entries);
        }

        @Override
        public void run() {
            try {
                while (!stopped) {
                    Entry e = free.take();
                    e.next();
                    e.handedOver = System.nanoTime();
                    producer.send(new ProducerRecord<>(topic, e.key, e.value), (metadata, err) -> back(e, err));
                }
            } catch (Throwable t) {
                fail(t);
            }
            // The producer's close waits for what is still out.
        }

        private void back(Entry e, Exception err) {
            if (err != null) {
                fail(err);
            } else {
                acknowledged.incrementAndGet();
                if (measuring) {
                    latencies.add(System.nanoTime() - e.handedOver);
                }
            }
            free.add(e);
        }
    }

    /** In nanoseconds. Only the producer's thread adds: it is the one that tells of acknowledgements. */
    private static final class Latencies {
        private long[] all = new long[1 << 16];
        private int n;

        synchronized void add(long nanos) {
            if (n == all.length) {
                all = Arrays.copyOf(all, 2 * n);
            }
            all[n++] = nanos;
        }

        void report(ObjectNode report) {
            Arrays.sort(all, 0, n);
            report.put("p50_us", micros(0.5));
            report.put("p99_us", micros(0.99));
            report.put("p999_us", micros(0.999));
        }

        private double micros(double part) {
            return n == 0 ? 0 : all[Math.max(0, (int) Math.ceil(part * n) - 1)] / 1e3;
        }
    }

    /** What has been used up by now. */
    private final class Mark {
        private static final com.sun.management.OperatingSystemMXBean SYSTEM =
                (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        private static final com.sun.management.ThreadMXBean THREADS =
                (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

        final long nanos = System.nanoTime();
        final long messages = acknowledged.get();
        final long cpu = SYSTEM.getProcessCpuTime();
        final long allocated = allocated();

        /** Of the threads that live: all that work for a job live from its first mark to its last. */
        private static long allocated() {
            long sum = 0;
            for (long bytes : THREADS.getThreadAllocatedBytes(THREADS.getAllThreadIds())) {
                sum += Math.max(0, bytes); // -1 for one that has just ended
            }
            return sum;
        }
    }

    /** Keeps the last job's garbage and peak out of this one's figures. */
    private static void forget() {
        System.gc();
        try {
            Files.writeString(Path.of("/proc/self/clear_refs"), "5"); // sets VmHWM to what is used now
        } catch (IOException e) {
            System.err.println("the peak is that of all jobs: " + e);
        }
    }

    private static long peakKiB() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return 0;
    }
}
