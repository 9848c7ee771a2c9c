#ifndef SERVICE_MTACTL_H
#define SERVICE_MTACTL_H

/*
 * mtactl - the parts of the administrator's command; each returns an exit
 * code of sysexits(3).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Make uids, groups and folders that are missing; mend modes and owners. */
int mtactl_init(void);

/* A self-signed certificate for this host, if /var/mta/tls has none. */
void mtactl_make_certificate(void);

/* Look at the certificates; the number of faults, each named on a line. */
int mtactl_check_certificates(void);

/* Start the supervisor and wait for each service; stop it; show it. */
int mtactl_start(void);
int mtactl_stop(void);
int mtactl_status(void);
bool mtactl_is_running(void);

/* Switch a service on, and start it as mtactl_start does; or off. */
int mtactl_enable(const char *name);
int mtactl_disable(const char *name);

/* Look at owners and modes; the number of faults, as above. */
int mtactl_check_owners(void);

/* The control files that hold a number, and from what to what. */
struct mtactl_number {
	const char *name;
	uint64_t min;
	uint64_t max;
};
extern const struct mtactl_number mtactl_numbers[];
extern const size_t mtactl_number_count;

/* Read what the queue has with a grammar of its own; each ends the program
 * with a line about the first fault. */
void mtactl_read_limits(void);
void mtactl_read_odmr_domains(void);
void mtactl_read_delays(void);
void mtactl_read_suppress_after(void);
void mtactl_read_holdrules(void);

/* Look at settings, owners and modes; name each fault. */
int mtactl_check(void);

/* Print all log lines about a message, by queue id or Message-ID. */
int mtactl_trace(const char *id);

/* Run a program and wait: its exit code, or 128 and its signal. */
int mtactl_run(const char *const *argv);

/* mtactl user add|del|passwd|list [ADDRESS]. */
int mtactl_user(int argc, char **argv);

#endif
