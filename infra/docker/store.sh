#!/bin/sh
# The object store of docker-compose.yml, for the server that its image has: MinIO or SeaweedFS.
#   store.sh serve      runs it, on port 9000
#   store.sh healthy    says whether it takes requests
#   store.sh account    gives our processes their account, which may use their bucket only
set -eu
umask 077
export HOME=/tmp MC_CONFIG_DIR=/tmp/mc

has() { command -v "$1" >/dev/null 2>&1; }

serve_minio() {
    export MINIO_ROOT_USER="$S3_ROOT_USER" MINIO_ROOT_PASSWORD="$S3_ROOT_PASSWORD"
    export MINIO_SITE_REGION="$S3_REGION"
    exec minio server /data --console-address :9001
}

# Its accounts are in a file that it reads at its start. Only the S3 port is opened to others:
# behind it, the servers in this container talk to each other without passwords.
serve_seaweedfs() {
    cat >/tmp/identities.json <<END
{"identities": [
  {"name": "root", "actions": ["Admin"],
   "credentials": [{"accessKey": "$S3_ROOT_USER", "secretKey": "$S3_ROOT_PASSWORD"}]},
  {"name": "product-images",
   "actions": ["Read:$S3_BUCKET", "Write:$S3_BUCKET", "List:$S3_BUCKET"],
   "credentials": [{"accessKey": "$S3_ACCESS_KEY", "secretKey": "$S3_SECRET_KEY"}]}
]}
END
    exec weed -logtostderr=true server -dir=/seaweedfs -ip=127.0.0.1 -ip.bind=127.0.0.1 \
        -filer -s3 -s3.ip.bind=0.0.0.0 -s3.port=9000 -s3.config=/tmp/identities.json \
        -s3.iam=false -s3.port.iceberg=0 -s3.port.lance=0 \
        -master.telemetry=false -master.volumeSizeLimitMB=1024 \
        -volume.max=10000 -volume.minFreeSpace=1GiB -volume.preStopSeconds=0
}

# The keys come through the environment and standard input: arguments can be read by all.
account_minio() {
    export MC_HOST_store="http://$S3_ROOT_USER:$S3_ROOT_PASSWORD@store:9000"
    cat >/tmp/policy.json <<END
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Resource": ["arn:aws:s3:::$S3_BUCKET"],
   "Action": ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]},
  {"Effect": "Allow", "Resource": ["arn:aws:s3:::$S3_BUCKET/*"],
   "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload",
              "s3:ListMultipartUploadParts"]}
]}
END
    printf '%s\n%s\n' "$S3_ACCESS_KEY" "$S3_SECRET_KEY" | mc admin user add store
    mc admin policy create store product-images /tmp/policy.json
    # It refuses what is so already.
    answer=$(mc admin policy attach store product-images --user "$S3_ACCESS_KEY" 2>&1) || case $answer in
        *"already in effect"*) ;;
        *) echo "$answer" >&2; exit 1 ;;
    esac
    echo "The account of our processes may use the bucket $S3_BUCKET."
}

case $1 in
    serve) if has minio; then serve_minio; else serve_seaweedfs; fi ;;
    healthy)
        if has mc; then
            exec mc ready local
        fi
        exec wget -q -O /dev/null http://127.0.0.1:9000/healthz ;;
    account) if has mc; then account_minio; fi ;;
    *) echo "store.sh: serve, healthy or account" >&2; exit 2 ;;
esac
