// SPDX-License-Identifier: GPL-2.0
/*
 * Steps that mm/shmem.c has in functions which are static there.
 *
 * Why this is C: the list of inodes to shrink, with its lock, and the states
 * of a page that shmem knows are its own. In the kernel these would be its
 * functions.
 */

#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/xarray.h>
#include <../mm/internal.h>

#include "../functions.h"

/* A folio that reaches beyond the end of the file may be split by reclaim. */
void shmem_collapse_shrink_later(struct inode *inode, struct folio *huge)
{
	struct shmem_sb_info *sbinfo = inode->i_sb->s_fs_info;
	struct shmem_inode_info *info = SHMEM_I(inode);

	if (shmem_collapse_inode_pages(inode) >= folio_next_index(huge))
		return;
	spin_lock(&sbinfo->shrinklist_lock);
	if (list_empty_careful(&info->shrinklist)) {
		list_add_tail(&info->shrinklist, &sbinfo->shrinklist);
		sbinfo->shrinklist_len++;
	}
	spin_unlock(&sbinfo->shrinklist_lock);
}

/*
 * Reads a page beyond the end of the file that was preallocated and swapped out
 * since. SGP_NOALLOC refuses it, SGP_FALLOC would fill a hole. The inode's lock
 * prevents holes from being made. Returns -EBUSY if that lock is held.
 */
static int swap_in_beyond(struct inode *inode, unsigned long index,
			  struct folio **folio)
{
	int err = -ENOENT;

	if (!inode_trylock(inode))
		return -EBUSY;
	if (xa_load(&inode->i_mapping->i_pages, index))
		err = shmem_get_folio(inode, index, 0, folio, SGP_FALLOC);
	inode_unlock(inode);
	return err;
}

/* Returns the folio referenced but no longer locked. */
int shmem_collapse_swap_in(struct inode *inode, unsigned long index,
			   struct folio **folio)
{
	int err;

	if (index < shmem_collapse_inode_pages(inode))
		err = shmem_get_folio(inode, index, 0, folio, SGP_NOALLOC);
	else
		err = swap_in_beyond(inode, index, folio);
	if (!err)
		folio_unlock(*folio);
	return err;
}

/*
 * Makes a locked folio that was allocated, but never written, usable, as shmem
 * does it when a page of it is touched, and unlocks it. The caller gets another
 * reference. -ESTALE if it is no longer in @mapping.
 */
int shmem_collapse_folio_instantiate(struct folio *folio,
				     struct address_space *mapping)
{
	long i, nr = folio_nr_pages(folio);
	int err = 0;

	if (folio->mapping != mapping) {
		err = -ESTALE;
	} else if (folio_contain_hwpoisoned_page(folio)) {
		err = -EHWPOISON;
	} else if (!folio_test_uptodate(folio)) {
		for (i = 0; i < nr; i++)
			clear_highpage(folio_page(folio, i));
		flush_dcache_folio(folio);
		folio_mark_uptodate(folio);
	}
	if (!err)
		folio_get(folio);
	folio_unlock(folio);
	return err;
}
