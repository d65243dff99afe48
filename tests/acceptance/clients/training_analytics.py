"""What the SageMaker SDK reads of the metrics of a training job, as JSON: python training_analytics.py JOB"""

import json
import sys

from sagemaker.analytics import TrainingJobAnalytics

analytics = TrainingJobAnalytics(sys.argv[1], period=86400)
try:
    columns = analytics.dataframe().to_dict("list")
except ImportError:  # the old SDK's environment has no pandas; what it would show is there already
    columns = dict(analytics._data)
print(json.dumps(columns))
