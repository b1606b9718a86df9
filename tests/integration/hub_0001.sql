-- A hub's database of revision 0001. Never edited: published revisions must go on migrating.
BEGIN TRANSACTION;
CREATE TABLE access_grant (
	id VARCHAR(64) NOT NULL, 
	account_id VARCHAR(64) NOT NULL, 
	purpose VARCHAR(32) NOT NULL, 
	case_ref TEXT NOT NULL, 
	issued_us BIGINT NOT NULL, 
	expires_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	wire BLOB NOT NULL, 
	audit_index BIGINT NOT NULL, 
	session_key VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_access_grant PRIMARY KEY (id), 
	CONSTRAINT fk_access_grant_account_id FOREIGN KEY(account_id) REFERENCES account (id)
);
CREATE TABLE account (
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	display TEXT NOT NULL, 
	role VARCHAR(32) NOT NULL, 
	password_hash TEXT NOT NULL, 
	code_hash VARCHAR(64) NOT NULL, 
	code_expires_us BIGINT NOT NULL, 
	created_us BIGINT NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_account PRIMARY KEY (id), 
	CONSTRAINT uq_account_name UNIQUE (name)
);
INSERT INTO "account" VALUES('user_1','ann','Ann Operator','operator','$argon2id$v=19$m=8,t=1,p=1$sqa86qPxHo3P1agWNIdbTQ$vNpQUjGGuikPcbyuO/u178iV3eulJ026RbrJ0Xq7bU4','',0,1780000000000000,0);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE audit_entry (
	"index" BIGINT NOT NULL, 
	time_us BIGINT NOT NULL, 
	kind VARCHAR(48) NOT NULL, 
	account_id VARCHAR(64) NOT NULL, 
	salt BLOB, 
	body TEXT, 
	entry_hash BLOB NOT NULL, 
	CONSTRAINT pk_audit_entry PRIMARY KEY ("index")
);
INSERT INTO "audit_entry" VALUES(0,1780000000000000,'session.opened','user_1',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F','{"actor":"user_1","facts":{"by":"password"},"index":0,"kind":"session.opened","time_us":1780000000000000}',X'F1DC8D213E56778C583425A5677FC96A037EC038412B3AB4786A96760D619F49');
CREATE TABLE camera (
	id VARCHAR(48) NOT NULL, 
	site_id VARCHAR(48) NOT NULL, 
	name TEXT NOT NULL, 
	place TEXT NOT NULL, 
	lat FLOAT, 
	lon FLOAT, 
	bearing_deg FLOAT, 
	fov_deg FLOAT, 
	range_m FLOAT, 
	height_m FLOAT, 
	created_us BIGINT NOT NULL, 
	changed_us BIGINT NOT NULL, 
	CONSTRAINT pk_camera PRIMARY KEY (id), 
	CONSTRAINT fk_camera_site_id FOREIGN KEY(site_id) REFERENCES site (id)
);
INSERT INTO "camera" VALUES('gate','main','Gate','Alder Way',51.5,-0.1,20.0,70.0,40.0,4.0,1780000000000000,1780000000000000);
CREATE TABLE session (
	id_hash VARCHAR(64) NOT NULL, 
	account_id VARCHAR(64) NOT NULL, 
	created_us BIGINT NOT NULL, 
	used_us BIGINT NOT NULL, 
	expires_us BIGINT NOT NULL, 
	by_code BOOLEAN NOT NULL, 
	CONSTRAINT pk_session PRIMARY KEY (id_hash), 
	CONSTRAINT fk_session_account_id FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
);
INSERT INTO "session" VALUES('1d7c74c6a17974b0219b52c3ec16eddb4b02bb2bc4ac475d77059679ec786629','user_1',1780000000000000,1780000000000000,1780028800000000,0);
CREATE TABLE site (
	id VARCHAR(48) NOT NULL, 
	name TEXT NOT NULL, 
	created_us BIGINT NOT NULL, 
	CONSTRAINT pk_site PRIMARY KEY (id)
);
INSERT INTO "site" VALUES('main','Alder Grove',1780000000000000);
CREATE INDEX ix_camera_site_id ON camera (site_id);
CREATE INDEX ix_session_account_id ON session (account_id);
CREATE INDEX ix_session_expires_us ON session (expires_us);
CREATE INDEX ix_access_grant_account_id_expires_us ON access_grant (account_id, expires_us);
CREATE INDEX ix_audit_entry_account_id_index ON audit_entry (account_id, "index");
COMMIT;
