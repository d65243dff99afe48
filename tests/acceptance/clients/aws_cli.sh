#!/usr/bin/env bash
# The notebook's flow with the aws command alone. Run in the example's folder; $1 is a folder for files.
set -euo pipefail  # with pipefail, `grep -q` would end a pipe early and fail it
export AWS_PAGER=
files=$1 name=aws-cli-flow bucket=aws-cli-flow sample=sagemaker-sample-data-us-west-2

fail() { echo "FAILED: $*" >&2; exit 1; }

role_name=$(aws sts get-caller-identity --query Arn --output text | cut -d/ -f2)
role=$(aws iam get-role --role-name "$role_name" --query Role.Arn --output text)

# Files: up, across, down, list, remove.
mkdir -p "$files/tree/folder"
tar -czf "$files/tree/sourcedir.tar.gz" mnist.py
echo "a space" >"$files/tree/folder/a space.txt"
aws s3 mb "s3://$bucket"
aws s3 sync --no-progress "$files/tree" "s3://$bucket/tree"
[ -z "$(aws s3 sync --no-progress "$files/tree" "s3://$bucket/tree")" ] || fail "the second sync copied again"
aws s3 cp --no-progress "s3://$bucket/tree/folder/a space.txt" "s3://$bucket/copy.txt"
[ "$(aws s3 cp "s3://$bucket/copy.txt" -)" = "a space" ] || fail "cp to stdout"
aws s3 ls --recursive --summarize "s3://$bucket" | grep "Total Objects: 3" >/dev/null || fail "ls"
aws s3 ls "s3://$bucket/tree/" | grep "PRE folder/" >/dev/null || fail "ls of a folder"
url=$(aws s3 presign "s3://$bucket/copy.txt")
python -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())' "$url" |
    grep "a space" >/dev/null || fail "presign"
aws s3 rm "s3://$bucket/copy.txt"
if aws s3 ls "s3://$bucket/copy.txt"; then fail "rm left the object"; fi

channel() {
    echo "{\"ChannelName\":\"$1\",\"DataSource\":{\"S3DataSource\":{\"S3DataType\":\"S3Prefix\",\"S3Uri\":\"s3://$sample/mxnet/mnist/$1\"}}}"
}
aws sagemaker create-training-job --training-job-name $name --role-arn "$role" \
    --algorithm-specification TrainingImage=763104351884.dkr.ecr.us-west-2.amazonaws.com/mxnet-training:1.4.1-cpu-py3,TrainingInputMode=File \
    --hyper-parameters "epochs=3,sagemaker_program=mnist.py,sagemaker_submit_directory=s3://$bucket/tree/sourcedir.tar.gz" \
    --input-data-config "[$(channel train),$(channel test)]" \
    --output-data-config "S3OutputPath=s3://$bucket/artifacts" \
    --resource-config InstanceType=ml.m4.xlarge,InstanceCount=1,VolumeSizeInGB=30 \
    --stopping-condition MaxRuntimeInSeconds=3600 --tags Key=project,Value=digits
arn=$(aws sagemaker describe-training-job --training-job-name $name --query TrainingJobArn --output text)
[ "$(aws sagemaker list-tags --resource-arn "$arn" --query 'Tags[0].Value' --output text)" = digits ] || fail "tags"
while status=$(aws sagemaker describe-training-job --training-job-name $name --query TrainingJobStatus --output text) &&
    [ "$status" = InProgress ]; do sleep 2; done
[ "$status" = Completed ] ||
    fail "training: $(aws sagemaker describe-training-job --training-job-name $name --query FailureReason)"
aws sagemaker wait training-job-completed-or-stopped --training-job-name $name
aws sagemaker list-training-jobs --name-contains $name --status-equals Completed \
    --query 'TrainingJobSummaries[].TrainingJobName' --output text | grep -x $name >/dev/null || fail "list-training-jobs"

group=/aws/sagemaker/TrainingJobs
stream=$(aws logs describe-log-streams --log-group-name $group --log-stream-name-prefix "$name/" \
    --query 'logStreams[0].logStreamName' --output text)
aws logs get-log-events --log-group-name $group --log-stream-name "$stream" --start-from-head \
    --query 'events[].message' --output text >"$files/log"
grep -q "Validation-accuracy=" "$files/log" || fail "get-log-events: $(cat "$files/log")"
found=$(aws logs filter-log-events --log-group-name $group --log-stream-name-prefix "$name/" \
    --filter-pattern '"Validation-accuracy"' --query 'events[].message' --output text)
[[ $found == *"Epoch[0] Validation-accuracy="* && $found != *"Train-accuracy"* ]] || fail "filter-log-events: $found"

model=$(aws sagemaker describe-training-job --training-job-name $name --query ModelArtifacts.S3ModelArtifacts --output text)
aws sagemaker create-compilation-job --compilation-job-name $name --role-arn "$role" \
    --input-config "{\"S3Uri\":\"$model\",\"DataInputConfig\":\"{'data': [1, 784]}\",\"Framework\":\"MXNET\"}" \
    --output-config "S3OutputLocation=s3://$bucket/compiled,TargetDevice=ml_c5" \
    --stopping-condition MaxRuntimeInSeconds=300
compilation() { aws sagemaker describe-compilation-job --compilation-job-name $name --output text --query "$1"; }
while status=$(compilation CompilationJobStatus) && [[ $status == STARTING || $status == INPROGRESS ]]; do sleep 1; done
[ "$status" = COMPLETED ] || fail "compilation: $(compilation FailureReason)"

aws sagemaker create-model --model-name $name --execution-role-arn "$role" --primary-container \
    "Image=$(compilation InferenceImage),ModelDataUrl=$(compilation ModelArtifacts.S3ModelArtifacts)"
aws sagemaker create-endpoint-config --endpoint-config-name $name --production-variants \
    VariantName=AllTraffic,ModelName=$name,InitialInstanceCount=1,InstanceType=ml.c5.large
aws sagemaker create-endpoint --endpoint-name $name --endpoint-config-name $name
aws sagemaker wait endpoint-in-service --endpoint-name $name

# The first test image, a seven, as 784 comma-separated numbers.
aws s3 cp --no-progress "s3://$sample/mxnet/mnist/test/images.gz" "$files/images.gz"
python - "$files" <<'PYTHON'
import gzip, sys
pixels = gzip.open(sys.argv[1] + "/images.gz").read()[16 : 16 + 784]
open(sys.argv[1] + "/digit.csv", "w").write(",".join(str(pixel / 255) for pixel in pixels))
PYTHON
aws sagemaker-runtime invoke-endpoint --endpoint-name $name --content-type text/csv --accept application/json \
    --body "fileb://$files/digit.csv" "$files/answer.json"
python - "$files" <<'PYTHON' || fail "the answer: $(cat "$files/answer.json")"
import json, sys
answer = json.load(open(sys.argv[1] + "/answer.json"))
answer = answer[0] if isinstance(answer[0], list) else answer
sys.exit(answer.index(max(answer)) != 7)
PYTHON

aws sagemaker delete-endpoint --endpoint-name $name
aws sagemaker wait endpoint-deleted --endpoint-name $name
aws sagemaker delete-endpoint-config --endpoint-config-name $name
aws sagemaker delete-model --model-name $name
aws s3 rb --force "s3://$bucket" >/dev/null
echo "every step passed"
