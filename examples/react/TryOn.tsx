import { useEffect, useRef, useState, type FormEvent } from "react";
import { tryonCreate, tryonErase, tryonFeedback, tryonGet, tryonStart } from "./client";
import type { VtonError, VtonStart, VtonTryOn } from "./client";

type Answer<T> = { data?: T; error?: VtonError; response?: Response };

/** Tries on a product such as "shop.product:42": the photo and the consent, the progress, then the images. */
export function TryOn({ product }: { product: string }) {
  const [start, setStart] = useState<VtonStart>();
  const [tryOn, setTryOn] = useState<VtonTryOn>();
  const [nextPoll, setNextPoll] = useState({ seconds: 1 }); // Each answer sets a new object, so polling goes on.
  const [problem, setProblem] = useState("");
  const idempotencyKey = useRef(crypto.randomUUID());

  useEffect(() => {
    // Also brings back a try-on that was started in another tab, or before a reload.
    tryonStart({ query: { product } }).then(({ data, error }) => {
      setStart(data);
      setTryOn(data?.active.find((each) => each.product === product) ?? data?.latest ?? undefined);
      setProblem(describe(error));
    });
  }, [product]);

  const runningId = tryOn?.status === "queued" || tryOn?.status === "processing" ? tryOn.id : undefined;
  useEffect(() => {
    if (!runningId) return;
    const poll = async () => show(await tryonGet({ path: { id: runningId } }));
    const timer = setTimeout(poll, 1000 * nextPoll.seconds);
    return () => clearTimeout(timer);
  }, [runningId, nextPoll]);

  function show({ data, error, response }: Answer<VtonTryOn>) {
    if (data) setTryOn(data);
    setNextPoll({ seconds: Number(response?.headers.get("Retry-After") ?? 1) });
    setProblem(describe(error));
  }

  if (!start) return <p role="status">{problem || "Loading..."}</p>;
  if (!start.enabled) return <p>You cannot try this on at the moment.</p>;
  const headers = { "X-Csrftoken": start.csrf_token };

  async function order(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const photo = new FormData(event.currentTarget).get("photo") as File;
    const answer = await tryonCreate({
      headers: { ...headers, "Idempotency-Key": idempotencyKey.current },
      body: { product, photo, consent: true, consent_version: start!.consent.version },
    });
    // Without a response, the next attempt has the same key: at most one of them is paid.
    if (answer.response) idempotencyKey.current = crypto.randomUUID();
    show(answer);
  }

  async function rate(value: "like" | "dislike") {
    show(await tryonFeedback({ headers, path: { id: tryOn!.id }, body: { value } }));
  }

  async function erase() {
    const { error } = await tryonErase({ headers, path: { id: tryOn!.id } });
    if (!error) setTryOn(undefined);
    setProblem(describe(error));
  }

  return (
    <section aria-label={`Try on: ${start.product.title}`}>
      <p role="status">{problem || tryOn?.error?.message || (tryOn && LABELS[tryOn.status])}</p>
      {tryOn?.status === "completed" && (
        <>
          {tryOn.images.map((image) => (
            <figure key={image.id}>
              <img src={image.url} alt={image.alt} width={image.width / 2} height={image.height / 2} />
              <figcaption>AI-generated preview. {image.flaw?.message}</figcaption>
            </figure>
          ))}
          <p>
            <button aria-pressed={tryOn.feedback === "like"} onClick={() => rate("like")}>I like it</button>{" "}
            <button aria-pressed={tryOn.feedback === "dislike"} onClick={() => rate("dislike")}>Not for me</button>{" "}
            <button onClick={erase}>Delete it</button>
          </p>
        </>
      )}
      {!runningId && tryOn?.status !== "completed" && (
        <form onSubmit={order}>
          <label>
            A photo of yourself <input type="file" name="photo" accept={start.limits.formats.join()} required />
          </label>
          {start.consent.required && (
            <label>
              <input type="checkbox" required /> {start.consent.text} <a href={start.consent.url}>Privacy</a>
            </label>
          )}
          <button>Try it on</button>
        </form>
      )}
    </section>
  );
}

/** Messages of the API are for the shopper. Without a response there is none. */
function describe(error?: VtonError) {
  return error ? (error.detail ?? "No connection. Please try again.") : "";
}

const LABELS = {
  queued: "In the queue",
  processing: "Your image is being made",
  completed: "Ready",
  failed: "That did not work",
  canceled: "Canceled",
};
