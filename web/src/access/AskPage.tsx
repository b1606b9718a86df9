// Ask for access, as a page: a link to it can carry everything that is asked.

import { useMemo } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { usePurposes } from "../purposes/purposes";
import { CaseForm } from "../frame/CaseForm";
import { backOf, draftOf } from "./ask";
import { AskFlow } from "./AskFlow";
import styles from "./Ask.module.css";

export default function AskPage() {
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const start = useMemo(() => draftOf(params), [params]);
  const purposes = usePurposes();
  const after = () => void navigate(backOf(params) || (start.actions?.includes("live") ? "/now" : "/access"));
  return (
    <div className="page">
      <div className={`inner ${styles.width}`}>
        <h1>{start.renews ? "Ask for more time" : "Ask for access"}</h1>
        <p className="lead">
          Say what for. You see before you send it whether somebody has to agree, and who could. <Link to="/access" className={styles.link}>My access</Link>
        </p>
        <div className={`panel ${styles.sheet}`}>
          {purposes.data && !purposes.data.asked ? <CaseForm done={after} /> : <AskFlow key={params.toString()} start={start} open={after} />}
        </div>
      </div>
    </div>
  );
}
