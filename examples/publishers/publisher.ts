// Sends a visit and a heartbeat to Keepline with kafkajs: npm install kafkajs
//
//     npx tsx publisher.ts c-17 320
//
// KEEPLINE_BROKERS (host:port,...) and KEEPLINE_TOPIC_PREFIX as everywhere.

import { randomUUID } from "node:crypto";
import { Kafka, Partitioners } from "kafkajs";

const BROKERS = (process.env.KEEPLINE_BROKERS ?? "localhost:9092").split(",");
const PREFIX = process.env.KEEPLINE_TOPIC_PREFIX ?? "";
const NAME = "shop-17";
const TOPICS = ["service-visits", "app-activity", "surveys"];

// what every message has: its kind, when it happened (RFC 3339 with an offset), and who sends it
function event(kind: string, fields: Record<string, unknown> = {}): string {
  return JSON.stringify({ kind, event_time: new Date().toISOString(), producer: NAME, ...fields });
}

async function main(customer: string, amount: number): Promise<void> {
  const kafka = new Kafka({ clientId: NAME, brokers: BROKERS });
  // the default partitioner is murmur2 of the key, as Keepline expects; the legacy one is not
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true });
  const admin = kafka.admin();
  await Promise.all([producer.connect(), admin.connect()]);
  try {
    const visit = event("service_visit", { event_id: randomUUID(), customer_id: customer, amount });
    await producer.send({ topic: PREFIX + "service-visits", acks: -1, messages: [{ key: customer, value: visit }] });
    // to every partition: nothing older than now follows from here
    const beat = event("heartbeat");
    const { topics } = await admin.fetchTopicMetadata({ topics: TOPICS.map((topic) => PREFIX + topic) });
    for (const { name, partitions } of topics) {
      const messages = partitions.map(({ partitionId }) => ({ partition: partitionId, key: "\0heartbeat", value: beat }));
      await producer.send({ topic: name, acks: -1, messages });
    }
  } finally {
    await Promise.all([producer.disconnect(), admin.disconnect()]);
  }
}

main(process.argv[2], Number(process.argv[3])).catch((error) => {
  console.error(error);
  process.exit(1);
});
