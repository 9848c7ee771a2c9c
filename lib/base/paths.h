#ifndef BASE_PATHS_H
#define BASE_PATHS_H

/*
 * paths - where everything is; fixed when compiled, because a setuid program
 * takes no path from its environment.
 */

#define MTA_HOME     "/var/mta"
#define MTA_BIN      MTA_HOME "/bin"
#define MTA_CONTROL  MTA_HOME "/control"
#define MTA_USERS    MTA_HOME "/users"
#define MTA_TABLES   MTA_HOME "/tables"
#define MTA_QUEUE    MTA_HOME "/queue"
#define MTA_SERVICE  MTA_HOME "/service"
#define MTA_LOG      MTA_HOME "/log"
#define MTA_MAIL     MTA_HOME "/mail"
#define MTA_TLS      MTA_HOME "/tls"
#define MTA_GUARD    MTA_HOME "/guard"
#define MTA_STS      MTA_HOME "/sts"   /* policies of other domains */
#define MTA_SIEVE    MTA_HOME "/sieve" /* scripts for all to include */
#define ALIASES_FILE "/etc/aliases"

/* Compiled tables (cdb), replaced whole by rename. */
#define ALIASES_TABLE  MTA_TABLES "/aliases.cdb"
#define ACCOUNTS_TABLE MTA_USERS "/accounts.cdb"

#endif
