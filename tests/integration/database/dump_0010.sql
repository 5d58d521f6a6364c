SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET client_min_messages = warning;
CREATE FUNCTION public.products_images_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE products SET updated_at = updated_at
    WHERE id IN (SELECT product_id FROM changed) AND xmin <> pg_current_xact_id()::xid;
    RETURN NULL;
END $$;
CREATE FUNCTION public.products_images_updated() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE products SET updated_at = updated_at
    WHERE xmin <> pg_current_xact_id()::xid AND id IN (
        SELECT n.product_id FROM changed n JOIN replaced o ON o.id = n.id
        WHERE (n.position, n.source_url, n.alt, n.state, n.original_sha256, n.fingerprint,
               n.error_code, n.error_detail, n.error_retryable)
            IS DISTINCT FROM
              (o.position, o.source_url, o.alt, o.state, o.original_sha256, o.fingerprint,
               o.error_code, o.error_detail, o.error_retryable)
    );
    RETURN NULL;
END $$;
CREATE FUNCTION public.products_move_on() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond');
    RETURN NEW;
END $$;
CREATE FUNCTION public.products_originals_updated() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE products SET updated_at = updated_at
    WHERE xmin <> pg_current_xact_id()::xid AND id IN (
        SELECT i.product_id FROM changed n JOIN replaced o ON o.sha256 = n.sha256
        JOIN images i ON i.original_sha256 = n.sha256
        WHERE (n.bytes, n.dominant_colour, n.thumbhash, n.phash)
            IS DISTINCT FROM (o.bytes, o.dominant_colour, o.thumbhash, o.phash)
    );
    RETURN NULL;
END $$;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.api_keys (
    id character varying(12) NOT NULL,
    hash character varying(64) NOT NULL,
    name character varying(100) NOT NULL,
    scope character varying(20) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT ck_api_keys_hash_is_hex CHECK (((hash)::text ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT ck_api_keys_scope CHECK (((scope)::text = ANY ((ARRAY['read'::character varying, 'write'::character varying, 'admin'::character varying])::text[])))
);
CREATE TABLE public.batches (
    id uuid NOT NULL,
    kind character varying(20) NOT NULL,
    state character varying(20) NOT NULL,
    preset character varying(60) NOT NULL,
    name text,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    callback_url text,
    round integer DEFAULT 0 NOT NULL,
    plan_cursor jsonb,
    planned_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    lease_owner character varying(200),
    lease_expires_at timestamp with time zone,
    flow_run_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT ck_batches_finished CHECK ((((state)::text = 'running'::text) = (finished_at IS NULL))),
    CONSTRAINT ck_batches_kind CHECK (((kind)::text = ANY ((ARRAY['import'::character varying, 'reprocess'::character varying])::text[]))),
    CONSTRAINT ck_batches_lease CHECK (((lease_owner IS NULL) = (lease_expires_at IS NULL))),
    CONSTRAINT ck_batches_state CHECK (((state)::text = ANY ((ARRAY['running'::character varying, 'ready'::character varying, 'partial'::character varying, 'failed'::character varying, 'cancelled'::character varying])::text[])))
);
CREATE TABLE public.chunks (
    id uuid NOT NULL,
    batch_id uuid NOT NULL,
    state character varying(20) NOT NULL,
    jobs integer NOT NULL,
    images integer NOT NULL,
    fencing_token integer DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    lease_owner character varying(200),
    lease_expires_at timestamp with time zone,
    dispatched_at timestamp with time zone,
    flow_run_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT ck_chunks_finished CHECK ((((state)::text = 'done'::text) = (finished_at IS NOT NULL))),
    CONSTRAINT ck_chunks_lease CHECK ((((state)::text = 'running'::text) = (lease_expires_at IS NOT NULL))),
    CONSTRAINT ck_chunks_owner CHECK ((((state)::text = 'running'::text) = (lease_owner IS NOT NULL))),
    CONSTRAINT ck_chunks_state CHECK (((state)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying, 'done'::character varying])::text[])))
);
CREATE TABLE public.idempotency_keys (
    owner character varying(200) NOT NULL,
    key character varying(255) NOT NULL,
    request_sha256 character varying(64) NOT NULL,
    job_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    batch_id uuid,
    CONSTRAINT ck_idempotency_keys_one_subject CHECK ((num_nonnulls(job_id, batch_id) = 1)),
    CONSTRAINT ck_idempotency_keys_sha256_is_hex CHECK (((request_sha256)::text ~ '^[0-9a-f]{64}$'::text))
);
CREATE TABLE public.images (
    id uuid NOT NULL,
    product_id uuid NOT NULL,
    "position" integer NOT NULL,
    source_url text NOT NULL,
    state character varying(20) NOT NULL,
    original_sha256 character varying(64),
    fingerprint character varying(40),
    error_code character varying(60),
    error_detail text,
    error_retryable boolean,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    claimed_at timestamp with time zone,
    alt text,
    CONSTRAINT ck_images_position_from_zero CHECK (("position" >= 0)),
    CONSTRAINT ck_images_state CHECK (((state)::text = ANY ((ARRAY['queued'::character varying, 'processing'::character varying, 'ready'::character varying, 'failed'::character varying])::text[])))
);
CREATE TABLE public.import_rows (
    batch_id uuid NOT NULL,
    line integer NOT NULL,
    sku text,
    content jsonb,
    error_code character varying(60),
    error_detail text,
    job_id uuid
);
CREATE TABLE public.job_images (
    job_id uuid NOT NULL,
    image_id uuid NOT NULL,
    "position" integer NOT NULL,
    state character varying(20) NOT NULL,
    outcome character varying(20),
    original_sha256 character varying(64),
    fingerprint character varying(40),
    error_code character varying(60),
    error_detail text,
    error_retryable boolean,
    finished_at timestamp with time zone,
    CONSTRAINT ck_job_images_outcome CHECK (((outcome)::text = ANY ((ARRAY['created'::character varying, 'unchanged'::character varying, 'deduplicated'::character varying])::text[]))),
    CONSTRAINT ck_job_images_state CHECK (((state)::text = ANY ((ARRAY['queued'::character varying, 'processing'::character varying, 'ready'::character varying, 'failed'::character varying])::text[])))
);
CREATE TABLE public.jobs (
    id uuid NOT NULL,
    product_id uuid NOT NULL,
    lane character varying(20) NOT NULL,
    state character varying(20) NOT NULL,
    preset character varying(60) NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    callback_url text,
    fencing_token integer DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    lease_owner character varying(200),
    lease_expires_at timestamp with time zone,
    not_before timestamp with time zone,
    dispatched_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    flow_run_id uuid,
    error_code character varying(60),
    error_detail text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    round integer DEFAULT 0 NOT NULL,
    batch_id uuid,
    chunk_id uuid,
    batch_position integer,
    from_stored boolean DEFAULT false NOT NULL,
    force boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_jobs_finished CHECK ((((state)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying])::text[])) = (finished_at IS NULL))),
    CONSTRAINT ck_jobs_lane CHECK (((lane)::text = ANY ((ARRAY['interactive'::character varying, 'bulk'::character varying])::text[]))),
    CONSTRAINT ck_jobs_lease CHECK ((((state)::text = 'running'::text) = (lease_expires_at IS NOT NULL))),
    CONSTRAINT ck_jobs_owner CHECK ((((state)::text = 'running'::text) = (lease_owner IS NOT NULL))),
    CONSTRAINT ck_jobs_state CHECK (((state)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying, 'ready'::character varying, 'partial'::character varying, 'failed'::character varying, 'cancelled'::character varying])::text[])))
);
CREATE TABLE public.originals (
    sha256 character varying(64) NOT NULL,
    object_key text NOT NULL,
    format character varying(20) NOT NULL,
    media_type character varying(100) NOT NULL,
    bytes bigint NOT NULL,
    width integer,
    height integer,
    orientation integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    dominant_colour character varying(7),
    thumbhash character varying(60),
    phash character varying(16),
    removed_until timestamp with time zone,
    CONSTRAINT ck_originals_sha256_is_hex CHECK (((sha256)::text ~ '^[0-9a-f]{64}$'::text))
);
CREATE TABLE public.products (
    id uuid NOT NULL,
    sku character varying(200),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    name text,
    description text,
    price numeric,
    currency character varying(3),
    owner_id text,
    CONSTRAINT ck_products_currency_is_iso_4217 CHECK (((currency)::text ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT ck_products_price_in_range CHECK (((price >= (0)::numeric) AND (price < '1000000000000000'::numeric))),
    CONSTRAINT ck_products_price_with_currency CHECK (((price IS NULL) = (currency IS NULL)))
);
CREATE TABLE public.source_validators (
    image_id uuid NOT NULL,
    original_sha256 character varying(64) NOT NULL,
    url text NOT NULL,
    etag text,
    last_modified text,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_source_validators_says_something CHECK (((etag IS NOT NULL) OR (last_modified IS NOT NULL)))
);
CREATE TABLE public.variants (
    id uuid NOT NULL,
    original_sha256 character varying(64) NOT NULL,
    fingerprint character varying(40) NOT NULL,
    name character varying(60) NOT NULL,
    object_key text NOT NULL,
    format character varying(20) NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    bytes bigint NOT NULL,
    sha256 character varying(64) NOT NULL,
    quality integer,
    score double precision,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    frames integer DEFAULT 1 NOT NULL
);
CREATE TABLE public.webhook_attempts (
    id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    number integer NOT NULL,
    status integer,
    error_code character varying(60),
    duration_ms integer NOT NULL,
    finished_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.webhook_deliveries (
    id uuid NOT NULL,
    endpoint_id uuid,
    url text NOT NULL,
    event character varying(40) NOT NULL,
    subject_id uuid NOT NULL,
    payload text NOT NULL,
    state character varying(40) NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    begun_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_webhook_deliveries_event CHECK (((event)::text = ANY ((ARRAY['job.finished'::character varying, 'batch.finished'::character varying])::text[]))),
    CONSTRAINT ck_webhook_deliveries_state CHECK (((state)::text = ANY ((ARRAY['pending'::character varying, 'delivered'::character varying, 'failed'::character varying])::text[])))
);
CREATE TABLE public.webhook_endpoints (
    id uuid NOT NULL,
    url text NOT NULL,
    events character varying(40)[] NOT NULL,
    secret character varying(200) NOT NULL,
    failing_since timestamp with time zone,
    disabled_at timestamp with time zone,
    disabled_reason text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.workers (
    owner character varying(200) NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);
INSERT INTO public.alembic_version VALUES ('0010');
INSERT INTO public.api_keys VALUES ('abcdefabcdef', '3333333333333333333333333333333333333333333333333333333333333333', 'shop', 'write', '2026-02-28 08:00:00+00', '2026-03-01 09:00:00+00', NULL, NULL);
INSERT INTO public.api_keys VALUES ('012345012345', '4444444444444444444444444444444444444444444444444444444444444444', 'old admin', 'admin', '2026-02-01 08:00:00+00', NULL, '2026-12-31 00:00:00+00', '2026-02-28 08:00:00+00');
INSERT INTO public.batches VALUES ('019a0000-0000-7000-8000-000000000031', 'import', 'ready', 'web', 'mugs.csv', '{"jobs": 1, "rows": {"total": 2, "accepted": 1, "rejected": 1}}', 'https://shop.example/batches', 0, '{"line": 3}', '2026-03-02 10:00:01+00', NULL, NULL, NULL, '019a0000-0000-7000-8000-0000000000f3', '2026-03-02 10:00:00+00', '2026-03-02 10:00:06+00');
INSERT INTO public.chunks VALUES ('019a0000-0000-7000-8000-000000000032', '019a0000-0000-7000-8000-000000000031', 'done', 1, 1, 1, 1, NULL, NULL, '2026-03-02 10:00:02+00', '019a0000-0000-7000-8000-0000000000f2', '2026-03-02 10:00:02+00', '2026-03-02 10:00:03+00', '2026-03-02 10:00:05+00');
INSERT INTO public.idempotency_keys VALUES ('abcdefabcdef', 'order-4711', '1111111111111111111111111111111111111111111111111111111111111111', '019a0000-0000-7000-8000-000000000041', '2026-03-01 09:00:00+00', '2026-03-02 09:00:00+00', NULL);
INSERT INTO public.idempotency_keys VALUES ('', 'mugs', '2222222222222222222222222222222222222222222222222222222222222222', NULL, '2026-03-02 10:00:00+00', '2026-03-03 10:00:00+00', '019a0000-0000-7000-8000-000000000031');
INSERT INTO public.images VALUES ('019a0000-0000-7000-8000-000000000011', '019a0000-0000-7000-8000-000000000001', 0, 'https://images.supplier.example/shoe-42/side.jpg', 'ready', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'web-old-fingerprint', NULL, NULL, NULL, '2026-03-01 09:00:00+00', '2026-03-01 09:00:07+00', '2026-03-01 09:00:01+00', 'The shoe from its side');
INSERT INTO public.images VALUES ('019a0000-0000-7000-8000-000000000012', '019a0000-0000-7000-8000-000000000001', 1, 'https://images.supplier.example/shoe-42/sole.jpg', 'failed', NULL, NULL, 'http_404', 'The address answered with 404.', false, '2026-03-01 09:00:00+00', '2026-03-01 09:00:07+00', '2026-03-01 09:00:01+00', NULL);
INSERT INTO public.images VALUES ('019a0000-0000-7000-8000-000000000013', '019a0000-0000-7000-8000-000000000002', 0, 'https://cdn.mugs.example/7.png', 'ready', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'web-old-fingerprint', NULL, NULL, NULL, '2026-03-02 10:00:00+00', '2026-03-02 10:00:05+00', '2026-03-02 10:00:03+00', NULL);
INSERT INTO public.images VALUES ('019a0000-0000-7000-8000-000000000014', '019a0000-0000-7000-8000-000000000003', 0, 'upload:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', 'queued', NULL, NULL, NULL, NULL, NULL, '2026-03-03 11:00:00+00', '2026-03-03 11:00:00+00', NULL, NULL);
INSERT INTO public.import_rows VALUES ('019a0000-0000-7000-8000-000000000031', 2, 'MUG-7', '{"sku": "MUG-7", "name": "Mug", "image_urls": ["https://cdn.mugs.example/7.png"]}', NULL, NULL, '019a0000-0000-7000-8000-000000000042');
INSERT INTO public.import_rows VALUES ('019a0000-0000-7000-8000-000000000031', 3, NULL, NULL, 'invalid_row', 'The row names no image.', NULL);
INSERT INTO public.job_images VALUES ('019a0000-0000-7000-8000-000000000041', '019a0000-0000-7000-8000-000000000011', 0, 'ready', 'created', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'web-old-fingerprint', NULL, NULL, NULL, '2026-03-01 09:00:07+00');
INSERT INTO public.job_images VALUES ('019a0000-0000-7000-8000-000000000041', '019a0000-0000-7000-8000-000000000012', 1, 'failed', NULL, NULL, NULL, 'http_404', 'The address answered with 404.', false, '2026-03-01 09:00:07+00');
INSERT INTO public.job_images VALUES ('019a0000-0000-7000-8000-000000000042', '019a0000-0000-7000-8000-000000000013', 0, 'ready', 'created', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'web-old-fingerprint', NULL, NULL, NULL, '2026-03-02 10:00:05+00');
INSERT INTO public.job_images VALUES ('019a0000-0000-7000-8000-000000000043', '019a0000-0000-7000-8000-000000000014', 0, 'queued', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.jobs VALUES ('019a0000-0000-7000-8000-000000000041', '019a0000-0000-7000-8000-000000000001', 'interactive', 'partial', 'web', '{"order": 4711}', 'https://shop.example/jobs', 2, 1, NULL, NULL, NULL, '2026-03-01 09:00:00+00', NULL, '019a0000-0000-7000-8000-0000000000f1', NULL, NULL, '2026-03-01 09:00:00+00', '2026-03-01 09:00:01+00', '2026-03-01 09:00:07+00', 1, NULL, NULL, NULL, false, false);
INSERT INTO public.jobs VALUES ('019a0000-0000-7000-8000-000000000042', '019a0000-0000-7000-8000-000000000002', 'bulk', 'ready', 'web', '{}', NULL, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-02 10:00:01+00', '2026-03-02 10:00:03+00', '2026-03-02 10:00:05+00', 0, '019a0000-0000-7000-8000-000000000031', '019a0000-0000-7000-8000-000000000032', 1, false, false);
INSERT INTO public.jobs VALUES ('019a0000-0000-7000-8000-000000000043', '019a0000-0000-7000-8000-000000000003', 'interactive', 'queued', 'thumbnail', '{}', NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-03 11:00:00+00', NULL, NULL, 0, NULL, NULL, NULL, false, false);
INSERT INTO public.originals VALUES ('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'originals/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.jpg', 'jpeg', 'image/jpeg', 812345, 3000, 2000, 6, '2026-03-01 09:00:05+00', '#1f3c88', '3OcRJYB4d3h/iIeHeEh3eIhw+j2w', 'e4973c1b0fa25d86', NULL);
INSERT INTO public.originals VALUES ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'originals/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.png', 'png', 'image/png', 20480, 640, 640, NULL, '2026-03-02 10:00:04+00', '#ffffff', NULL, NULL, NULL);
INSERT INTO public.originals VALUES ('cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', 'originals/cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.jpg', 'jpeg', 'image/jpeg', 4096, NULL, NULL, NULL, '2026-03-03 11:00:00+00', NULL, NULL, NULL, NULL);
INSERT INTO public.products VALUES ('019a0000-0000-7000-8000-000000000001', 'SHOE-42', '2026-03-01 09:00:00+00', '2026-03-01 09:00:07+00', 'Läufer „Blau“', 'A shoe for rain.', 79.90, 'EUR', 'shop-1');
INSERT INTO public.products VALUES ('019a0000-0000-7000-8000-000000000002', 'MUG-7', '2026-03-02 10:00:00+00', '2026-03-02 10:00:05+00', 'Mug', NULL, NULL, NULL, NULL);
INSERT INTO public.products VALUES ('019a0000-0000-7000-8000-000000000003', NULL, '2026-03-03 11:00:00+00', '2026-03-03 11:00:00+00', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.source_validators VALUES ('019a0000-0000-7000-8000-000000000011', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'https://images.supplier.example/shoe-42/side.jpg', '"5d8c72"', NULL, '2026-03-01 09:00:05+00');
INSERT INTO public.variants VALUES ('019a0000-0000-7000-8000-000000000021', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'web-old-fingerprint', 'w800', 'variants/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/web-old-fingerprint/w800.webp', 'webp', 533, 800, 48211, 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 74, 83.5, '2026-03-01 09:00:06+00', 1);
INSERT INTO public.variants VALUES ('019a0000-0000-7000-8000-000000000022', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'web-old-fingerprint', 'w400', 'variants/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/web-old-fingerprint/w400.webp', 'webp', 267, 400, 15120, 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 76, 82.25, '2026-03-01 09:00:06+00', 1);
INSERT INTO public.variants VALUES ('019a0000-0000-7000-8000-000000000023', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'web-old-fingerprint', 'w400', 'variants/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/web-old-fingerprint/w400.webp', 'webp', 400, 400, 3012, 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff', NULL, NULL, '2026-03-02 10:00:05+00', 1);
INSERT INTO public.webhook_attempts VALUES ('019a0000-0000-7000-8000-000000000071', '019a0000-0000-7000-8000-000000000061', 1, 503, 'http_503', 120, '2026-03-01 09:00:08+00');
INSERT INTO public.webhook_attempts VALUES ('019a0000-0000-7000-8000-000000000072', '019a0000-0000-7000-8000-000000000061', 2, 204, NULL, 80, '2026-03-01 09:01:01+00');
INSERT INTO public.webhook_deliveries VALUES ('019a0000-0000-7000-8000-000000000061', '019a0000-0000-7000-8000-000000000051', 'https://shop.example/webhooks', 'job.finished', '019a0000-0000-7000-8000-000000000041', '{"type": "job.finished"}', 'delivered', 2, 1, '2026-03-01 09:01:00+00', '2026-03-01 09:00:07+00', '2026-03-01 09:01:01+00', '2026-03-01 09:00:07+00');
INSERT INTO public.webhook_deliveries VALUES ('019a0000-0000-7000-8000-000000000062', NULL, 'https://shop.example/batches', 'batch.finished', '019a0000-0000-7000-8000-000000000031', '{"type": "batch.finished"}', 'pending', 0, 0, '2026-03-02 10:00:06+00', '2026-03-02 10:00:06+00', NULL, '2026-03-02 10:00:06+00');
INSERT INTO public.webhook_endpoints VALUES ('019a0000-0000-7000-8000-000000000051', 'https://shop.example/webhooks', '{job.finished,batch.finished}', 'whsec_c2VjcmV0LW9mLXRoZS1vbGQtZGF5cw==', NULL, NULL, NULL, '2026-02-28 08:00:00+00');
INSERT INTO public.webhook_endpoints VALUES ('019a0000-0000-7000-8000-000000000052', 'https://gone.example/webhooks', '{job.finished}', 'whsec_YW5vdGhlci1zZWNyZXQ=', '2026-02-20 08:00:00+00', '2026-02-25 08:00:00+00', 'It answered 410.', '2026-02-01 08:00:00+00');
INSERT INTO public.workers VALUES ('host-1:4711', '2026-03-03 11:00:00+00');
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT pk_api_keys PRIMARY KEY (id);
ALTER TABLE ONLY public.batches
    ADD CONSTRAINT pk_batches PRIMARY KEY (id);
ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT pk_chunks PRIMARY KEY (id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT pk_idempotency_keys PRIMARY KEY (owner, key);
ALTER TABLE ONLY public.images
    ADD CONSTRAINT pk_images PRIMARY KEY (id);
ALTER TABLE ONLY public.import_rows
    ADD CONSTRAINT pk_import_rows PRIMARY KEY (batch_id, line);
ALTER TABLE ONLY public.job_images
    ADD CONSTRAINT pk_job_images PRIMARY KEY (job_id, image_id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT pk_jobs PRIMARY KEY (id);
ALTER TABLE ONLY public.originals
    ADD CONSTRAINT pk_originals PRIMARY KEY (sha256);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT pk_products PRIMARY KEY (id);
ALTER TABLE ONLY public.source_validators
    ADD CONSTRAINT pk_source_validators PRIMARY KEY (image_id);
ALTER TABLE ONLY public.variants
    ADD CONSTRAINT pk_variants PRIMARY KEY (id);
ALTER TABLE ONLY public.webhook_attempts
    ADD CONSTRAINT pk_webhook_attempts PRIMARY KEY (id);
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT pk_webhook_deliveries PRIMARY KEY (id);
ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT pk_webhook_endpoints PRIMARY KEY (id);
ALTER TABLE ONLY public.workers
    ADD CONSTRAINT pk_workers PRIMARY KEY (owner);
ALTER TABLE ONLY public.images
    ADD CONSTRAINT uq_images_product_id_position UNIQUE (product_id, "position") DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.images
    ADD CONSTRAINT uq_images_product_id_source_url UNIQUE (product_id, source_url);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT uq_products_sku UNIQUE (sku);
ALTER TABLE ONLY public.variants
    ADD CONSTRAINT uq_variants_original_sha256_fingerprint_name UNIQUE (original_sha256, fingerprint, name);
ALTER TABLE ONLY public.webhook_attempts
    ADD CONSTRAINT uq_webhook_attempts_delivery_id_number UNIQUE (delivery_id, number);
CREATE INDEX ix_batches_flow_run_id ON public.batches USING btree (flow_run_id);
CREATE INDEX ix_batches_running ON public.batches USING btree (created_at) WHERE ((state)::text = 'running'::text);
CREATE INDEX ix_chunks_batch_id ON public.chunks USING btree (batch_id);
CREATE INDEX ix_chunks_flow_run_id ON public.chunks USING btree (flow_run_id);
CREATE INDEX ix_chunks_leases ON public.chunks USING btree (lease_expires_at) WHERE ((state)::text = 'running'::text);
CREATE INDEX ix_chunks_undispatched ON public.chunks USING btree (created_at) WHERE (((state)::text = 'queued'::text) AND (dispatched_at IS NULL));
CREATE INDEX ix_idempotency_keys_batch_id ON public.idempotency_keys USING btree (batch_id);
CREATE INDEX ix_idempotency_keys_expires_at ON public.idempotency_keys USING btree (expires_at);
CREATE INDEX ix_idempotency_keys_job_id ON public.idempotency_keys USING btree (job_id);
CREATE INDEX ix_images_original_sha256 ON public.images USING btree (original_sha256);
CREATE INDEX ix_images_source_url ON public.images USING btree (source_url);
CREATE INDEX ix_import_rows_job_id ON public.import_rows USING btree (job_id);
CREATE INDEX ix_job_images_image_id ON public.job_images USING btree (image_id);
CREATE INDEX ix_jobs_batch_state ON public.jobs USING btree (batch_id, state);
CREATE INDEX ix_jobs_chunk_id ON public.jobs USING btree (chunk_id);
CREATE INDEX ix_jobs_flow_run_id ON public.jobs USING btree (flow_run_id);
CREATE INDEX ix_jobs_leases ON public.jobs USING btree (lease_expires_at) WHERE ((state)::text = 'running'::text);
CREATE INDEX ix_jobs_product_id ON public.jobs USING btree (product_id);
CREATE INDEX ix_jobs_undispatched ON public.jobs USING btree (created_at) WHERE (((state)::text = 'queued'::text) AND (dispatched_at IS NULL));
CREATE INDEX ix_jobs_unpacked ON public.jobs USING btree (batch_id, batch_position) WHERE (((state)::text = 'queued'::text) AND (batch_id IS NOT NULL) AND (chunk_id IS NULL));
CREATE INDEX ix_originals_phash ON public.originals USING btree (phash);
CREATE INDEX ix_products_owner_id ON public.products USING btree (owner_id);
CREATE INDEX ix_products_updated_at ON public.products USING btree (updated_at);
CREATE INDEX ix_webhook_deliveries_due ON public.webhook_deliveries USING btree (due_at) WHERE ((state)::text = 'pending'::text);
CREATE INDEX ix_webhook_deliveries_endpoint_id ON public.webhook_deliveries USING btree (endpoint_id);
CREATE INDEX ix_webhook_deliveries_subject_id ON public.webhook_deliveries USING btree (subject_id);
CREATE TRIGGER products_images_deleted AFTER DELETE ON public.images REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.products_images_changed();
CREATE TRIGGER products_images_inserted AFTER INSERT ON public.images REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.products_images_changed();
CREATE TRIGGER products_images_updated AFTER UPDATE ON public.images REFERENCING OLD TABLE AS replaced NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.products_images_updated();
CREATE TRIGGER products_move_on BEFORE UPDATE ON public.products FOR EACH ROW EXECUTE FUNCTION public.products_move_on();
CREATE TRIGGER products_originals_updated AFTER UPDATE ON public.originals REFERENCING OLD TABLE AS replaced NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.products_originals_updated();
ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT fk_chunks_batch_id FOREIGN KEY (batch_id) REFERENCES public.batches(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT fk_idempotency_keys_batch_id FOREIGN KEY (batch_id) REFERENCES public.batches(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT fk_idempotency_keys_job_id FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.images
    ADD CONSTRAINT fk_images_original_sha256 FOREIGN KEY (original_sha256) REFERENCES public.originals(sha256);
ALTER TABLE ONLY public.images
    ADD CONSTRAINT fk_images_product_id FOREIGN KEY (product_id) REFERENCES public.products(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.import_rows
    ADD CONSTRAINT fk_import_rows_batch_id FOREIGN KEY (batch_id) REFERENCES public.batches(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.import_rows
    ADD CONSTRAINT fk_import_rows_job_id FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.job_images
    ADD CONSTRAINT fk_job_images_image_id FOREIGN KEY (image_id) REFERENCES public.images(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.job_images
    ADD CONSTRAINT fk_job_images_job_id FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.job_images
    ADD CONSTRAINT fk_job_images_original_sha256 FOREIGN KEY (original_sha256) REFERENCES public.originals(sha256);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT fk_jobs_batch_id FOREIGN KEY (batch_id) REFERENCES public.batches(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT fk_jobs_chunk_id FOREIGN KEY (chunk_id) REFERENCES public.chunks(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT fk_jobs_product_id FOREIGN KEY (product_id) REFERENCES public.products(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.source_validators
    ADD CONSTRAINT fk_source_validators_image_id FOREIGN KEY (image_id) REFERENCES public.images(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.variants
    ADD CONSTRAINT fk_variants_original_sha256 FOREIGN KEY (original_sha256) REFERENCES public.originals(sha256) ON DELETE CASCADE;
ALTER TABLE ONLY public.webhook_attempts
    ADD CONSTRAINT fk_webhook_attempts_delivery_id FOREIGN KEY (delivery_id) REFERENCES public.webhook_deliveries(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT fk_webhook_deliveries_endpoint_id FOREIGN KEY (endpoint_id) REFERENCES public.webhook_endpoints(id) ON DELETE CASCADE;
