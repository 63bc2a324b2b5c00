BEGIN TRANSACTION;
CREATE TABLE softmark_measurements (
	seq INTEGER NOT NULL, 
	run TEXT NOT NULL, 
	backend TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	dtype TEXT NOT NULL, 
	shape TEXT NOT NULL, 
	axis BIGINT NOT NULL, 
	device TEXT NOT NULL, 
	threads BIGINT NOT NULL, 
	cache TEXT NOT NULL, 
	rounds BIGINT NOT NULL, 
	minimum DOUBLE NOT NULL, 
	median DOUBLE NOT NULL, 
	mean DOUBLE NOT NULL, 
	stddev DOUBLE NOT NULL, 
	iqr DOUBLE NOT NULL, 
	first_call DOUBLE, 
	bytes_moved BIGINT NOT NULL, 
	bandwidth DOUBLE NOT NULL, 
	roof_share DOUBLE, 
	verified BOOLEAN NOT NULL, 
	message TEXT NOT NULL, 
	CONSTRAINT pk_softmark_measurements PRIMARY KEY (seq), 
	CONSTRAINT uq_softmark_measurements UNIQUE (run, backend, operation, dtype, shape, axis, device, threads, cache), 
	CONSTRAINT fk_softmark_measurements_run FOREIGN KEY(run) REFERENCES softmark_runs (id)
);
INSERT INTO "softmark_measurements" VALUES(1,'20260101T000001Z-abcdef','mine','softmax','float32','4x1000',-1,'cpu',2,'warm',20,0.0001,0.00012,0.00013,1.0e-05,2.0e-05,0.5,512000,4200000000.0,0.6,1,'');
CREATE TABLE softmark_outcomes (
	seq INTEGER NOT NULL, 
	run TEXT NOT NULL, 
	backend TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	dtype TEXT NOT NULL, 
	"check" TEXT NOT NULL, 
	"case" TEXT NOT NULL, 
	regime TEXT NOT NULL, 
	shape TEXT NOT NULL, 
	axis BIGINT NOT NULL, 
	n BIGINT NOT NULL, 
	status TEXT NOT NULL, 
	max_ulp DOUBLE, 
	bound_ratio DOUBLE, 
	limit_ulp DOUBLE, 
	misrounded BIGINT, 
	count BIGINT NOT NULL, 
	message TEXT NOT NULL, 
	replay TEXT NOT NULL, 
	coverage TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	worst TEXT NOT NULL, 
	seconds DOUBLE, 
	CONSTRAINT pk_softmark_outcomes PRIMARY KEY (seq), 
	CONSTRAINT uq_softmark_outcomes UNIQUE (run, backend, "check", "case"), 
	CONSTRAINT fk_softmark_outcomes_run FOREIGN KEY(run) REFERENCES softmark_runs (id)
);
INSERT INTO "softmark_outcomes" VALUES(1,'20260101T000001Z-abcdef','mine','softmax','float32','accuracy','softmax/float32/4x1/uniform','uniform','4x1000',-1,1000,'pass',1.25,0.5,9e999,7,4000,'an é','','sampled','','',0.001);
INSERT INTO "softmark_outcomes" VALUES(2,'20260101T000001Z-abcdef','mine','softmax','float32','accuracy','softmax/float32/4x2/uniform','uniform','4x1000',-1,1000,'pass','nan',0.5,9e999,7,4000,'an é','','sampled','','',0.001);
INSERT INTO "softmark_outcomes" VALUES(3,'20260101T000001Z-abcdef','mine','softmax','float32','accuracy','softmax/float32/4x3/uniform','uniform','4x1000',-1,1000,'pass',NULL,0.5,9e999,7,4000,'an é','','sampled','','',0.001);
CREATE TABLE softmark_runs (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	created TEXT NOT NULL, 
	finished TEXT, 
	version TEXT NOT NULL, 
	command JSON NOT NULL, 
	arguments JSON NOT NULL, 
	environment JSON NOT NULL, 
	CONSTRAINT pk_softmark_runs PRIMARY KEY (seq), 
	CONSTRAINT uq_softmark_runs UNIQUE (id)
);
INSERT INTO "softmark_runs" VALUES(1,'20260101T000001Z-abcdef','verify','2026-01-01T00:00:00+00:00','2026-01-01T00:00:01+00:00','0.1.0','["python", "-m", "verify"]','{"seed": 0}','{"machine": {"cpu": "it"}}');
CREATE TABLE softmark_schema (
	version INTEGER NOT NULL
);
INSERT INTO "softmark_schema" VALUES(1);
COMMIT;
