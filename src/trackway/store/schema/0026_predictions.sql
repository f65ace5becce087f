-- What is predicted of people (personalize/predict/): for each target the prediction of the model in use, and the inputs
-- that moved it most, with what the person has, what is typical, and by how much the prediction differs for it.
CREATE TABLE IF NOT EXISTS predictions
(
    project_id UUID,
    target LowCardinality(String),
    identity UInt64,
    prediction Float64,
    moved_by Array(LowCardinality(String)),
    has Array(Float64),
    typical Array(Float64),
    effect Array(Float64),
    model LowCardinality(String),
    scored_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, target, identity)
SETTINGS index_granularity = 1024;

-- The trained models, used or not; `card` is JSON (personalize/predict/shelf.py).
CREATE TABLE IF NOT EXISTS prediction_models
(
    project_id UUID,
    target String,
    model String,
    used Bool,
    card String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, target, model);
