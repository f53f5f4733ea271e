/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Input of bindgen: functions that the bindings of the kernel crate lack, and the
 * C wrappers and functions of this module. Types come from the kernel crate.
 */
#include <linux/hrtimer_types.h>

#include <linux/kobject.h>
#include <linux/memcontrol.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/namei.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>
#include <../mm/internal.h>

#include "../../include/uapi/linux/shmem_collapse.h"
#include "functions.h"

const unsigned int RUST_CONST_HELPER_LOOKUP_FOLLOW = LOOKUP_FOLLOW;
