"""From a RabbitMQ delivery to a flow run, acknowledged when the job is final.

`consumer` takes deliveries of jobs and chunks, `via_work_pool` sends the work through Prefect's
work pool while a concurrency limit stands. pika stays in `infra.broker`. Start reading at
`consumer.py`.
"""
