import styles from './brand.module.css';

/** The mark and the product's name. */
export function Brand() {
  return (
    <span className={styles.brand}>
      <img src="/dashboard/icon.svg" alt="" width={22} height={22} />
      Integration credits
    </span>
  );
}
