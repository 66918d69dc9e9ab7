/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of `trace`, one in a file. argv[0] is the command's own word ("stages"); the result
 * is the exit status: 0 done, 1 failed, 2 usage; cmd_run gives the status of its COMMAND instead,
 * and cmd_diff says by 1 that two recordings differ.
 */
#ifndef HS_CMD_H
#define HS_CMD_H

int cmd_run(int argc, char **argv);
int cmd_read(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_stages(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

#endif
