"""Webhooks: messages to receivers, and their delivery.

`announce` writes a message with the change that it tells about; `take` and `settle` are what a
webhook worker does around one try; `endpoints` and `deliveries` are for those who look after
receivers.
"""
