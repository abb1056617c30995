// Sends a visit and a heartbeat to Keepline with Apache Kafka's own client; a JDK from 17 on, kafka-clients and what it needs:
//
//     java -cp 'jars/*' Publisher.java c-17 320
//
// KEEPLINE_BROKERS (host:port,...) and KEEPLINE_TOPIC_PREFIX as everywhere.

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

public class Publisher {
    static final String BROKERS = System.getenv().getOrDefault("KEEPLINE_BROKERS", "localhost:9092");
    static final String PREFIX = System.getenv().getOrDefault("KEEPLINE_TOPIC_PREFIX", "");
    static final String NAME = "shop-17";
    static final List<String> TOPICS = List.of("service-visits", "app-activity", "surveys");

    // what every message has: its kind, when it happened (RFC 3339 with an offset), and who sends it
    static String event(String kind, String fields) {
        return "{\"kind\":\"%s\",\"event_time\":\"%s\",\"producer\":\"%s\"%s}".formatted(kind, Instant.now(), NAME, fields);
    }

    // a library for JSON is better than this: it quotes what ids may hold
    static String quoted(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    public static void main(String[] args) throws Exception {
        String customer = args[0];
        double amount = Double.parseDouble(args[1]);
        // the default partitioner is murmur2 of the key, as Keepline expects
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", BROKERS, "acks", "all", "enable.idempotence", true,
            "key.serializer", StringSerializer.class, "value.serializer", StringSerializer.class);
        try (var producer = new KafkaProducer<String, String>(settings)) {
            String visit = event("service_visit", ",\"event_id\":\"%s\",\"customer_id\":%s,\"amount\":%s"
                .formatted(UUID.randomUUID(), quoted(customer), amount));
            producer.send(new ProducerRecord<>(PREFIX + "service-visits", customer, visit)).get();
            // to every partition: nothing older than now follows from here
            String beat = event("heartbeat", "");
            for (String topic : TOPICS) {
                for (var place : producer.partitionsFor(PREFIX + topic)) {
                    producer.send(new ProducerRecord<>(PREFIX + topic, place.partition(), "\0heartbeat", beat)).get();
                }
            }
        }
    }
}
