"""From a RabbitMQ delivery to a flow run, acknowledged when the job is final.

`consumer` takes deliveries of jobs, `chunk_consumer` those of chunks, `via_work_pool` sends a job
through Prefect's work pool while a concurrency limit stands. pika stays in `infra.broker`. Start
reading at `consumer.py`.
"""
