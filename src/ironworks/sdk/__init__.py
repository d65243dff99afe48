"""The SDK for people: estimator → model → predictor, over the same wire as every other client.

`import ironworks as iw` has its public names (`iw.MXNet`, `iw.Model`, `iw.Predictor`, `iw.Session`, …).
"""
