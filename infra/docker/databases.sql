-- Creates what is missing of the two roles and databases, and gives the roles the passwords that
-- the environment names. Run by psql as the superuser, at each start: safe to repeat. Neither role
-- may do anything outside its own database.
\set ON_ERROR_STOP on
\getenv application_password DATABASE_PASSWORD
\getenv prefect_password PREFECT_DATABASE_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['product_images', 'prefect']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE product_images PASSWORD :'application_password';
ALTER ROLE prefect PASSWORD :'prefect_password';

SELECT format('CREATE DATABASE %I OWNER %I', name, name)
FROM unnest(ARRAY['product_images', 'prefect']) AS name
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec

SELECT format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', name)
FROM unnest(ARRAY['postgres', 'product_images', 'prefect']) AS name \gexec
