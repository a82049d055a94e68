import { createRoot } from "react-dom/client";
import { TryOn } from "./TryOn";

const root = document.querySelector<HTMLElement>("[data-product]")!;
createRoot(root).render(<TryOn product={root.dataset.product!} />);
