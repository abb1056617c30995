import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Materialized;

/** The job in Kafka Streams, exactly once, one thread. Arguments: brokers, topic, group, records, folder of the state. */
public class StreamsJob {
    static final ObjectMapper JSON = new ObjectMapper();
    static final OperatingSystemMXBean SYSTEM = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    static long seen, startedNs, cpuNs;

    public static void main(String[] arguments) {
        long records = Long.parseLong(arguments[3]);
        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream(arguments[1])
            .filter((key, value) -> key != null)
            .groupByKey()
            .aggregate(() -> "0 0.0 ", (key, value, known) -> add(value, known, records), Materialized.as("known"));
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[2]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.String().getClass());
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.String().getClass());
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        new KafkaStreams(builder.build(), settings).start();
    }

    static String add(String value, String known, long records) {
        if (seen == 0) {
            startedNs = System.nanoTime();
            cpuNs = SYSTEM.getProcessCpuTime();
        }
        String[] parts = known.split(" ", 3);
        JsonNode event;
        try {
            event = JSON.readTree(value);
        } catch (java.io.IOException error) {
            throw new IllegalStateException(error);
        }
        String at = event.get("event_time").asText();
        double total = Double.parseDouble(parts[1]) + (event.has("count") ? event.get("count").asDouble() : 1.0);
        if (++seen == records) {
            double wall = (System.nanoTime() - startedNs) / 1e9, cpu = (SYSTEM.getProcessCpuTime() - cpuNs) / 1e9;
            System.out.println("{\"records\": " + seen + ", \"wall_s\": " + wall + ", \"cpu_s\": " + cpu + "}");
            System.out.flush();
            Runtime.getRuntime().halt(0);
        }
        return (Long.parseLong(parts[0]) + 1) + " " + total + " " + (at.compareTo(parts[2]) > 0 ? at : parts[2]);
    }
}
