BEGIN TRANSACTION;
CREATE TABLE softmark_duels (
	seq INTEGER NOT NULL, 
	run TEXT NOT NULL, 
	backend TEXT NOT NULL, 
	baseline TEXT NOT NULL, 
	revision TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	dtype TEXT NOT NULL, 
	shape TEXT NOT NULL, 
	axis BIGINT NOT NULL, 
	device TEXT NOT NULL, 
	threads BIGINT NOT NULL, 
	cache TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	ratio DOUBLE NOT NULL, 
	low DOUBLE NOT NULL, 
	high DOUBLE NOT NULL, 
	confidence DOUBLE NOT NULL, 
	ratios JSON NOT NULL, 
	blocks BIGINT NOT NULL, 
	seconds DOUBLE NOT NULL, 
	baseline_seconds DOUBLE NOT NULL, 
	verified BOOLEAN NOT NULL, 
	message TEXT NOT NULL, 
	CONSTRAINT pk_softmark_duels PRIMARY KEY (seq), 
	CONSTRAINT uq_softmark_duels UNIQUE (run, backend, baseline, revision, operation, dtype, shape, axis, device, threads, cache), 
	CONSTRAINT fk_softmark_duels_run FOREIGN KEY(run) REFERENCES softmark_runs (id)
);
INSERT INTO "softmark_duels" VALUES(1,'20260101T000005Z-abcdef','mine','theirs','','softmax','float32','4x1000',-1,'cpu',2,'warm','slower',0.9,0.85,0.95,0.99,'[0.89, 0.91]',20,0.00011,0.0001,1,'');
CREATE TABLE softmark_environments (
	seq INTEGER NOT NULL, 
	run TEXT NOT NULL, 
	name TEXT NOT NULL, 
	environment JSON NOT NULL, 
	CONSTRAINT pk_softmark_environments PRIMARY KEY (seq), 
	CONSTRAINT uq_softmark_environments UNIQUE (run, name), 
	CONSTRAINT fk_softmark_environments_run FOREIGN KEY(run) REFERENCES softmark_runs (id)
);
INSERT INTO "softmark_environments" VALUES(1,'20260101T000005Z-abcdef','there','{"host": "there"}');
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
	maximum DOUBLE, 
	median DOUBLE NOT NULL, 
	mean DOUBLE NOT NULL, 
	stddev DOUBLE NOT NULL, 
	iqr DOUBLE NOT NULL, 
	first_call DOUBLE, 
	import_seconds DOUBLE, 
	prepare_seconds DOUBLE, 
	compile_seconds DOUBLE, 
	cached_seconds DOUBLE, 
	peak_memory BIGINT, 
	bytes_moved BIGINT NOT NULL, 
	algorithm_bytes BIGINT, 
	bandwidth DOUBLE NOT NULL, 
	roof_bandwidth DOUBLE, 
	exp_rate DOUBLE, 
	roof_seconds DOUBLE, 
	roof_binds TEXT NOT NULL, 
	roof_share DOUBLE, 
	roof_uncertainty DOUBLE, 
	verified BOOLEAN NOT NULL, 
	message TEXT NOT NULL, 
	CONSTRAINT pk_softmark_measurements PRIMARY KEY (seq), 
	CONSTRAINT uq_softmark_measurements UNIQUE (run, backend, operation, dtype, shape, axis, device, threads, cache), 
	CONSTRAINT fk_softmark_measurements_run FOREIGN KEY(run) REFERENCES softmark_runs (id)
);
INSERT INTO "softmark_measurements" VALUES(1,'20260101T000005Z-abcdef','mine','softmax','float32','4x1000',-1,'cpu',2,'warm',20,0.0001,0.0002,0.00012,0.00013,1.0e-05,2.0e-05,0.5,NULL,NULL,NULL,NULL,1099511627776,512000,NULL,4200000000.0,NULL,NULL,NULL,'exp',0.6,NULL,1,'');
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
	gap DOUBLE, 
	misrounded BIGINT, 
	count BIGINT NOT NULL, 
	message TEXT NOT NULL, 
	replay TEXT NOT NULL, 
	coverage TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	worst TEXT NOT NULL, 
	seconds DOUBLE, 
	environment TEXT NOT NULL, 
	curves JSON, 
	CONSTRAINT pk_softmark_outcomes PRIMARY KEY (seq), 
	CONSTRAINT uq_softmark_outcomes UNIQUE (run, backend, "check", "case"), 
	CONSTRAINT fk_softmark_outcomes_run FOREIGN KEY(run) REFERENCES softmark_runs (id)
);
INSERT INTO "softmark_outcomes" VALUES(1,'20260101T000005Z-abcdef','mine','softmax','float32','accuracy','softmax/float32/4x1/uniform','uniform','4x1000',-1,1000,'pass',1.25,0.5,9e999,2.5,7,4000,'an é','','sampled','','',0.001,'there','{"loss": [2.0, "nan"]}');
INSERT INTO "softmark_outcomes" VALUES(2,'20260101T000005Z-abcdef','mine','softmax','float32','accuracy','softmax/float32/4x2/uniform','uniform','4x1000',-1,1000,'pass','nan',0.5,9e999,2.5,7,4000,'an é','','sampled','','',0.001,'there','{"loss": [2.0, "nan"]}');
INSERT INTO "softmark_outcomes" VALUES(3,'20260101T000005Z-abcdef','mine','softmax','float32','accuracy','softmax/float32/4x3/uniform','uniform','4x1000',-1,1000,'pass',NULL,0.5,9e999,2.5,7,4000,'an é','','sampled','','',0.001,'there','{"loss": [2.0, "nan"]}');
CREATE TABLE softmark_revisions (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT softmark_revisions_pkc PRIMARY KEY (version_num)
);
INSERT INTO "softmark_revisions" VALUES('6');
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
	owner TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_softmark_runs PRIMARY KEY (seq), 
	CONSTRAINT uq_softmark_runs UNIQUE (id)
);
INSERT INTO "softmark_runs" VALUES(1,'20260101T000005Z-abcdef','verify','2026-01-01T00:00:00+00:00','2026-01-01T00:00:01+00:00','0.1.0','["python", "-m", "verify"]','{"seed": 0}','{"machine": {"cpu": "it"}}','','');
CREATE TABLE softmark_schema (
	version INTEGER NOT NULL
);
INSERT INTO "softmark_schema" VALUES(6);
COMMIT;
