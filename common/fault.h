/* SPDX-License-Identifier: PostgreSQL */
/*
 * fault.h - named points at which tests make code fail; nothing of it is in release builds.
 *
 * SFT_FAULT("vault.before_record") does nothing unless the program was built with FAULTS=1 and the
 * environment says SFT_FAULT=name:action[:n], where action is kill (SIGKILL ourselves), stop
 * (SIGSTOP), sleep (2 s) or error, and n counts which passage it happens at (default the first).
 * SFT_FAULT_ERR(name) is an expression: true when the error action fires there.
 */
#ifndef SFT_FAULT_H
#define SFT_FAULT_H

#ifdef SFT_FAULTS
int sft_fault(const char *name);
#define SFT_FAULT(name) ((void)sft_fault(name))
#define SFT_FAULT_ERR(name) (sft_fault(name) != 0)
#else
#define SFT_FAULT(name) ((void)0)
#define SFT_FAULT_ERR(name) (0)
#endif

#endif
