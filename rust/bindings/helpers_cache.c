// SPDX-License-Identifier: GPL-2.0
/* Page cache, reverse-map lock and shmem accounting inlines. */

#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/path.h>
#include <linux/shmem_fs.h>
#include <linux/xarray.h>
#include <../mm/internal.h>

#include "helpers.h"

void shmem_collapse_xas_init(struct xa_state *xas, struct address_space *mapping,
			     unsigned long index, unsigned int order)
{
	XA_STATE_ORDER(init, &mapping->i_pages, index, order);

	*xas = init;
}

void *shmem_collapse_xas_next(struct xa_state *xas)
{
	return xas_next(xas);
}

void shmem_collapse_xas_set(struct xa_state *xas, unsigned long index)
{
	xas_set(xas, index);
}

void shmem_collapse_xas_set_order(struct xa_state *xas, unsigned long index,
				  unsigned int order)
{
	xas_set_order(xas, index, order);
}

int shmem_collapse_xas_error(struct xa_state *xas)
{
	return xas_error(xas);
}

void shmem_collapse_xas_lock_irq(struct xa_state *xas)
{
	xas_lock_irq(xas);
}

void shmem_collapse_xas_unlock_irq(struct xa_state *xas)
{
	xas_unlock_irq(xas);
}

void *shmem_collapse_xa_retry_entry(void)
{
	return XA_RETRY_ENTRY;
}

void shmem_collapse_i_mmap_lock_read(struct address_space *mapping)
{
	i_mmap_lock_read(mapping);
}

void shmem_collapse_i_mmap_unlock_read(struct address_space *mapping)
{
	i_mmap_unlock_read(mapping);
}

/* Counts pages that have no entry yet, or no longer. */
void shmem_collapse_mapping_add_pages(struct address_space *mapping, long pages)
{
	xa_lock_irq(&mapping->i_pages);
	mapping->nrpages += pages;
	xa_unlock_irq(&mapping->i_pages);
}

bool shmem_collapse_mapping_frozen(struct address_space *mapping)
{
	return READ_ONCE(SHMEM_I(mapping->host)->flags) & SHMEM_F_MAPPING_FROZEN;
}

bool shmem_collapse_huge_allowed(struct inode *inode, unsigned long index)
{
	return shmem_allowable_huge_orders(inode, NULL, index, 0, true) &
	       BIT(HPAGE_PMD_ORDER);
}

unsigned long shmem_collapse_inode_pages(struct inode *inode)
{
	loff_t size = i_size_read(inode);

	/* Without a sum: files may be as long as a loff_t can tell. */
	return (size >> PAGE_SHIFT) + !!offset_in_page(size);
}

struct address_space *shmem_collapse_file_mapping(struct file *file)
{
	return file->f_mapping;
}

struct inode *shmem_collapse_mapping_host(struct address_space *mapping)
{
	return mapping->host;
}

struct address_space *shmem_collapse_path_mapping(const struct path *path)
{
	return d_backing_inode(path->dentry)->i_mapping;
}

bool shmem_collapse_mapping_is_shmem(struct address_space *mapping)
{
	return shmem_mapping(mapping) && S_ISREG(mapping->host->i_mode);
}
